/** What the MCP tools take and give, as JSON Schema: told to clients, and what comes in is checked by the same. */

/** As JSON Schema has it, as far as it is used here. */
export interface ObjectSchema {
  [keyword: string]: unknown;
  type: "object";
  properties: Record<string, object>;
  required?: string[];
}

const question = { type: "string", minLength: 1, maxLength: 65_536 };
const line = { type: "integer", minimum: 1 };
const paths = { type: "array", items: { type: "string", minLength: 1, maxLength: 4096 }, maxItems: 1000 };
const range = {
  path: { type: "string", description: "Relative to the folder" },
  startLine: line,
  endLine: { ...line, description: "Inclusive" },
  uri: { type: "string", description: "The file's resource" },
};
const coverage = {
  type: "object",
  description: "How much of the folder is in memory, in tokens",
  properties: { tokens: { type: "number" }, of: { type: "number" } },
  required: ["tokens", "of"],
};

export interface RecallInput {
  question: string;
  maxResults?: number;
  maxTokens?: number;
}

export const recallInput: ObjectSchema = {
  type: "object",
  properties: {
    question: { ...question, description: "What to look for, in words or as names from the code" },
    maxResults: { type: "integer", minimum: 1, maximum: 100, default: 8 },
    maxTokens: { type: "integer", minimum: 1, maximum: 100_000, default: 4000, description: "Of all texts together" },
  },
  required: ["question"],
  additionalProperties: false,
};

export const recallOutput: ObjectSchema = {
  type: "object",
  properties: {
    blocks: {
      type: "array",
      description: "Best first",
      items: {
        type: "object",
        properties: {
          ...range,
          score: { type: "number" },
          why: { type: "string", description: "What spoke most for it" },
          text: { type: "string" },
        },
        required: ["path", "startLine", "endLine", "uri", "score", "why", "text"],
      },
    },
    coverage,
  },
  required: ["blocks"],
};

export interface AskInput {
  question: string;
  maxTokens?: number;
  pinned?: string[];
  excluded?: string[];
}

export const askInput: ObjectSchema = {
  type: "object",
  properties: {
    question,
    maxTokens: { type: "integer", minimum: 1, maximum: 8192, default: 400, description: "Of the answer" },
    pinned: { ...paths, description: "Files that must be looked at, relative to the folder" },
    excluded: { ...paths, description: "Files that must not be looked at" },
  },
  required: ["question"],
  additionalProperties: false,
};

export const askOutput: ObjectSchema = {
  type: "object",
  properties: {
    answer: { type: "string" },
    found: {
      type: "boolean",
      description: "False where nothing in the memory clearly fits: the answer may be a guess",
    },
    sources: {
      type: "array",
      description: "What the answer's words attended to, best first",
      items: {
        type: "object",
        properties: { ...range, share: { type: "number", description: "Of the attention to the memory" } },
        required: ["path", "startLine", "endLine", "uri", "share"],
      },
    },
    finish: { type: "string", enum: ["stop", "length", "cancelled"] },
    coverage,
  },
  required: ["answer", "found", "sources", "finish"],
};

export const statusInput: ObjectSchema = { type: "object", properties: {}, additionalProperties: false };

export const statusOutput: ObjectSchema = {
  type: "object",
  properties: {
    folder: { type: "string" },
    state: { type: "string", enum: ["empty", "ingesting", "paused", "ready"] },
    files: { type: "integer" },
    blocks: { type: "integer" },
    tokens: { type: "integer" },
    bytes: { type: "integer", description: "On disk" },
    model: { type: "string", description: "Absent until a call needed it" },
    device: { type: "string" },
    coverage,
  },
  required: ["folder", "state", "files", "blocks", "tokens", "bytes", "device"],
};
