import { cp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { expect, test } from "vitest";
import { openModel } from "../../engine/models/open-model.ts";
import { goldenPath } from "./golden-checkpoints.ts";
import { outcome, temporaryFolder } from "./model-files.ts";

type Json = Record<string, unknown>;

function parsed(text: string): Json {
  return v.parse(v.record(v.string(), v.unknown()), JSON.parse(text));
}

/** A copy of a golden checkpoint's folder. */
async function copyOf(architecture: string): Promise<string> {
  const folder = await temporaryFolder();
  await cp(goldenPath(architecture), folder, { recursive: true });
  return folder;
}

/** What opening the folder says after `change` was made to one of its JSON files. */
async function withJson(architecture: string, file: string, change: (json: Json) => void): Promise<string> {
  const folder = await copyOf(architecture);
  const path = join(folder, file);
  const json = parsed(await readFile(path, "utf8"));
  change(json);
  await writeFile(path, JSON.stringify(json));
  return outcome(folder);
}

/** What opening the folder says after its safetensors file was replaced. */
async function withWeights(bytes: Buffer): Promise<string> {
  const folder = await copyOf("qwen2");
  await writeFile(join(folder, "model.safetensors"), bytes);
  return outcome(folder);
}

/** A safetensors file with this header and no data. */
function withHeader(header: string, length = BigInt(Buffer.byteLength(header))): Buffer {
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(length);
  return Buffer.concat([prefix, Buffer.from(header)]);
}

const entry = (fields: Json) =>
  withHeader(JSON.stringify({ w: { dtype: "F32", shape: [2], data_offsets: [0, 8], ...fields } }));

test.each<[string, Buffer, RegExp]>([
  ["empty file", Buffer.alloc(0), /^model-invalid: FILE\/model\.safetensors: the header's length needs bytes 0 to 8/],
  ["header length of 2^60", withHeader("{}", 2n ** 60n), /the header's length is 1152921504606846976, more than/],
  ["header longer than the file", withHeader("{}", 5000n), /the header needs bytes 8 to 5008, but the file ends at 10/],
  ["header that is not JSON", withHeader("{nonsense"), /^model-invalid: .*: the header is not JSON/],
  ["header that is not UTF-8", Buffer.concat([withHeader("", 2n), Buffer.of(0xff, 0xfe)]), /the header is not JSON/],
  ["header that is a list", withHeader("[]"), /the header is not a JSON object/],
  ["header that nests deep", withHeader("[".repeat(1_000_000)), /the header nests more than 64 levels deep/],
  ["entry that is no object", withHeader('{"w": 3}'), /tensor w is not described by an object/],
  ["unknown type", entry({ dtype: "F8_E4M3" }), /^model-unsupported: .*tensor type F8_E4M3 \(of w\)/],
  ["negative size", entry({ shape: [-2] }), /shape of tensor w is no list of sizes/],
  ["too many dimensions", entry({ shape: Array(9).fill(1) }), /shape of tensor w is no list of sizes/],
  [
    "sizes whose product is too large",
    entry({ shape: [2 ** 40, 2 ** 40] }),
    /tensor w has dimensions .* whose product is too large/,
  ],
  [
    "offsets that do not fit the shape",
    entry({ data_offsets: [0, 4] }),
    /data_offsets of tensor w span 4 bytes, where its shape needs 8/,
  ],
  ["three offsets", entry({ data_offsets: [0, 8, 9] }), /data_offsets of tensor w are not two offsets/],
  ["offsets past the end", entry({}), /data_offsets of tensor w end at \d+, but the file at/],
])("%s", async (_name, bytes, message) => {
  expect(await withWeights(bytes)).toMatch(message);
});

const SHARDS = "model.safetensors.index.json";

test.each<[string, string, string, (json: Json) => void, RegExp]>([
  [
    "shard outside the folder",
    "llama",
    SHARDS,
    (json) => (json["weight_map"] = { a: "../model.safetensors" }),
    /^model-invalid: FILE\/model\.safetensors\.index\.json: weight_map names "\.\.\/model\.safetensors"/,
  ],
  [
    "shard that is the index",
    "llama",
    SHARDS,
    (json) => (json["weight_map"] = { a: SHARDS }),
    /weight_map names "model\.safetensors\.index\.json"/,
  ],
  [
    "shard that is not there",
    "llama",
    SHARDS,
    (json) => (json["weight_map"] = { a: "b.safetensors" }),
    /^model-invalid: .*weight_map names "b\.safetensors", which is no safetensors file in the folder/,
  ],
  ["index without shards", "llama", SHARDS, (json) => (json["weight_map"] = {}), /weight_map names 0 files/],
  [
    "index of something else",
    "llama",
    SHARDS,
    (json) => (json["weight_map"] = [1]),
    /weight_map is a list, not an object of texts/,
  ],
  [
    "other architecture",
    "llama",
    "config.json",
    (json) => (json["model_type"] = "gemma3"),
    /^model-unsupported: .*the architecture "gemma3"/,
  ],
  [
    "other activation",
    "llama",
    "config.json",
    (json) => (json["hidden_act"] = "gelu"),
    /^model-unsupported: .*the activation "gelu"/,
  ],
  [
    "other quantisation",
    "llama",
    "config.json",
    (json) => (json["quantization_config"] = {}),
    /^model-unsupported: .*quantised by another tool/,
  ],
  [
    "other rope",
    "llama",
    "config.json",
    (json) => (json["rope_parameters"] = { rope_type: "yarn" }),
    /^model-unsupported: .*rope scaling "yarn"/,
  ],
  [
    "layers of 2^60",
    "llama",
    "config.json",
    (json) => (json["num_hidden_layers"] = 2 ** 60),
    /num_hidden_layers is 1152921504606847000, not an integer from 1 to 1024/,
  ],
  [
    "text for a number",
    "llama",
    "config.json",
    (json) => (json["hidden_size"] = "64"),
    /hidden_size is "64", not an integer/,
  ],
  [
    "field missing",
    "llama",
    "config.json",
    (json) => delete json["num_attention_heads"],
    /num_attention_heads is missing/,
  ],
  [
    "heads that do not divide",
    "llama",
    "config.json",
    (json) => (json["num_key_value_heads"] = 3),
    /head count 4 is no multiple of 3/,
  ],
  [
    "other vocabulary",
    "llama",
    "config.json",
    (json) => (json["vocab_size"] = 32000),
    /vocab_size is 32000, where the rest of the file says 320/,
  ],
  [
    "other width",
    "llama",
    "config.json",
    (json) => (json["hidden_size"] = 128),
    /tensor model\.embed_tokens\.weight has shape \[320, 64\], where the config says \[320, 128\]/,
  ],
])("%s", async (_name, architecture, file, change, message) => {
  expect(await withJson(architecture, file, change)).toMatch(message);
});

test("the fields of transformers 4 are understood too", async () => {
  const opened = await withJson("llama", "config.json", (json) => {
    const { rope_theta, ...scaling } = parsed(JSON.stringify(json["rope_parameters"]));
    json["rope_theta"] = rope_theta;
    json["rope_scaling"] = scaling;
    delete json["rope_parameters"];
  });
  expect(opened).toBe("opened");
});

test("a folder without weights, and one without config", async () => {
  const folder = await copyOf("qwen2");
  await rm(join(folder, "model.safetensors"));
  expect(await outcome(folder)).toMatch(/^model-invalid: FILE: model\.safetensors is missing/);
  await rm(join(folder, "config.json"));
  expect(await outcome(folder)).toMatch(/^model-invalid: FILE: config\.json is missing/);
});

test("a chat template in a file of its own is part of the tokenizer's config", async () => {
  const folder = await copyOf("qwen2");
  await writeFile(join(folder, "tokenizer_config.json"), "{}");
  await writeFile(join(folder, "chat_template.jinja"), "{{ messages }}");
  const model = await openModel(folder);
  await model.close();
  expect(model.tokenizerFiles.config).toEqual({ chat_template: "{{ messages }}" });
});

test("a link that leads in a circle is no file", async () => {
  const folder = await copyOf("qwen2");
  await rm(join(folder, "model.safetensors"));
  await symlink("model.safetensors", join(folder, "model.safetensors"));
  expect(await outcome(folder)).toMatch(/^model-not-found: FILE\/model\.safetensors cannot be opened: ELOOP/);
});

test("a path that is not there", async () => {
  expect(await outcome(join(await temporaryFolder(), "absent.gguf"))).toMatch(
    /^model-not-found: FILE cannot be opened: ENOENT/,
  );
});
