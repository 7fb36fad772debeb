/** Held-out projects as the engine has stored them: segments to be predicted, and the keys and values of what stands before them. */
import { decodeBlock, extractLayer } from "../../engine/blocks/block-codec.ts";
import { ColdTier } from "../../engine/blocks/cold-tier.ts";
import { BlockRestorer } from "../../engine/ingest/restore-blocks.ts";
import type { LoadedModel } from "../../engine/loaded-model.ts";
import type { BankBlock } from "../../engine/memory/memory-bank.ts";
import type { PlacedBlock } from "../../engine/store/block-reader.ts";
import { Store } from "../../engine/store/store.ts";
import type { BenchOptions } from "../bench/benchmark.ts";
import { openCorpora } from "./corpora.ts";
import type { Half } from "./corpus-recipes.ts";
import type { EvalSession } from "./open-eval.ts";

/** What is predicted has at least so many tokens. */
const SHORTEST_SEGMENT = 256;
/** Tokens that stand before everything that is predicted, where a project has them. */
const BEFORE = 65_536;
/** A smaller project has at least this share of its tokens before. */
const BEFORE_SHARE = 0.6;
/** Tokens of a project that is evaluated. */
const SMALLEST_PROJECT = 30_000;

/** A part of a file as it was cut and encoded. */
export interface HeldOutSegment {
  project: string;
  header: Int32Array;
  tokens: Int32Array;
  /** Its first block's place among its project's blocks. */
  first: number;
}

interface Project {
  name: string;
  language: string;
  isHeldOut: boolean;
  store: Store;
  blocks: PlacedBlock[];
}

export class LongMemProjects {
  private readonly loaded: LoadedModel;
  private readonly layer: number;
  private readonly projects: readonly Project[];
  /** Blocks that were decoded before: banks overlap. */
  private readonly known = new Map<Store, Map<number, BankBlock>>();

  private constructor(loaded: LoadedModel, layer: number, projects: readonly Project[]) {
    this.loaded = loaded;
    this.layer = layer;
    this.projects = projects;
  }

  /** Reads the corpora where that was not done. What is reported on comes first; the tuning half only lends other text. */
  static async open(
    session: EvalSession,
    options: BenchOptions,
    layer: number,
    halves: readonly Half[] = ["report", "tune"],
  ): Promise<LongMemProjects> {
    const projects: Project[] = [];
    for (const half of halves) {
      for (const corpus of await openCorpora(options.dataDir, half, options.tell)) {
        const opened = await session.open(corpus.folder);
        await opened.close();
        const store = new Store(opened.storePath, options.tell);
        const byName = Map.groupBy(
          store.read((reader) => reader.placed()),
          ({ path }) => path.split("/")[0] ?? "",
        );
        for (const [name, blocks] of byName) {
          projects.push({ name, language: corpus.name, isHeldOut: half === "report", store, blocks });
        }
      }
    }
    return new LongMemProjects(session.loaded, layer, projects);
  }

  /** `count` segments of each held-out project, spread over what has enough before it. */
  segments(count: number): HeldOutSegment[] {
    return this.projects
      .filter(({ isHeldOut, blocks }) => isHeldOut && tokensOf(blocks) >= SMALLEST_PROJECT)
      .flatMap((project) => this.segmentsOf(project, count));
  }

  /** The last blocks before a segment in its own project, together at most `size` tokens. */
  before(segment: HeldOutSegment, size: number): Promise<BankBlock[]> {
    return this.states(this.named(segment.project), this.placedBefore(segment, size).blocks);
  }

  /** The same blocks as they lie in their store. */
  placedBefore(segment: HeldOutSegment, size: number): { store: Store; blocks: PlacedBlock[] } {
    const { store, blocks } = this.named(segment.project);
    return { store, blocks: lastOf(blocks.slice(0, segment.first), size) };
  }

  /** As much of another project, in the same language. Of the other half: some of the reported ones are of one family and use each other. */
  async other(segment: HeldOutSegment, size: number): Promise<BankBlock[]> {
    const own = this.named(segment.project);
    const enough = lastOf(own.blocks.slice(0, segment.first), size);
    const others = this.projects.filter((each) => !each.isHeldOut && each.language === own.language);
    const [largest] = others.toSorted((a, b) => tokensOf(b.blocks) - tokensOf(a.blocks));
    return largest ? this.states(largest, lastOf(largest.blocks, tokensOf(enough))) : [];
  }

  close(): Promise<void> {
    for (const store of new Set(this.projects.map((project) => project.store))) store.close();
    return Promise.resolve();
  }

  private named(name: string): Project {
    const project = this.projects.find((each) => each.name === name);
    if (!project) throw new RangeError(`There is no project ${name}`);
    return project;
  }

  private segmentsOf(project: Project, count: number): HeldOutSegment[] {
    const { blocks, name } = project;
    const least = Math.min(BEFORE, BEFORE_SHARE * tokensOf(blocks));
    const found: HeldOutSegment[] = [];
    let before = 0;
    for (let first = 0; first < blocks.length;) {
      const { segment, path } = blocks[first]!;
      const end = blocks.findIndex((block, i) => i > first && (block.segment !== segment || block.path !== path));
      const own = blocks.slice(first, end < 0 ? blocks.length : end);
      if (before >= least && tokensOf(own) >= SHORTEST_SEGMENT) {
        const tokens = own.flatMap(({ id }) => [...this.tokens(project, id)]);
        const header = this.loaded.encoder.header(path);
        found.push({ project: name, header, tokens: Int32Array.from(tokens), first });
      }
      before += tokensOf(own);
      first += own.length;
    }
    const step = Math.max(1, found.length / count);
    return Array.from({ length: Math.min(count, found.length) }, (_, i) => found[Math.floor(i * step)]!);
  }

  private tokens({ store }: Project, block: number): Int32Array {
    return this.loaded.encoder.tokenize(store.read((reader) => reader.text(block)) ?? "");
  }

  /** One layer of each block as it is stored. */
  private async states({ store }: Project, blocks: readonly PlacedBlock[]): Promise<BankBlock[]> {
    const { encoder } = this.loaded;
    const { shape } = encoder;
    const width = shape.kvHeads * shape.headDim;
    const known = this.known.get(store) ?? new Map<number, BankBlock>();
    this.known.set(store, known);
    await new BlockRestorer(store, encoder).restore(blocks.map(({ id }) => id).filter((id) => !known.has(id)));
    const cold = new ColdTier(store, shape, () => undefined);
    return blocks.map(({ id, tokens }) => {
      const before = known.get(id);
      if (before) return before;
      const blob = cold.block(id);
      if (!blob) throw new Error(`Block ${id} is gone`);
      const [keys, values] = [new Float32Array(tokens * width), new Float32Array(tokens * width)];
      const single = extractLayer(blob, shape, this.layer);
      decodeBlock(single, { ...shape, layers: 1 }, { keys: [keys], values: [values] }, 0);
      const block = { keys, values, tokens };
      known.set(id, block);
      return block;
    });
  }
}

function tokensOf(blocks: readonly PlacedBlock[]): number {
  return blocks.reduce((sum, { tokens }) => sum + tokens, 0);
}

/** The last blocks that have at most `size` tokens together, in order. */
export function lastOf(blocks: readonly PlacedBlock[], size: number): PlacedBlock[] {
  let room = size;
  const from = blocks.findLastIndex(({ tokens }) => (room -= tokens) < 0);
  return blocks.slice(from + 1);
}
