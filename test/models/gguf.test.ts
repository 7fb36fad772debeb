import { expect, test } from "vitest";
import { openModel } from "../../engine/models/open-model.ts";
import { gguf, tinyLlama, writeGguf, type GgufParts, type TinyLlama, type WrittenTensor } from "./gguf-writer.ts";
import { outcome, temporaryFile } from "./model-files.ts";

/** What opening the tiny model says after `change` made it wrong. */
async function check(change: (parts: TinyLlama) => Partial<GgufParts> | void): Promise<string> {
  const parts = tinyLlama();
  const changed = change(parts) ?? {};
  return outcome(await temporaryFile(writeGguf({ ...parts, ...changed })));
}

function setTensor(parts: TinyLlama, index: number, change: Partial<WrittenTensor>): void {
  const tensor = parts.tensors[index];
  if (tensor === undefined) throw new Error(`no tensor ${index}`);
  parts.tensors[index] = { ...tensor, ...change };
}

function setMetadata(parts: TinyLlama, key: string, value: TinyLlama["metadata"][number][1]): void {
  parts.metadata = [...parts.metadata.filter(([name]) => name !== key), [key, value]];
}

test("a sound file opens, in version 2 and 3", async () => {
  expect(await check(() => ({ version: 2 }))).toBe("opened");
  expect(await check(() => ({ version: 3 }))).toBe("opened");
});

test("overlapping tensors are no fault", async () => {
  expect(await check((parts) => setTensor(parts, 3, { offset: 0 }))).toBe("opened");
});

test.each<[string, (parts: TinyLlama) => Partial<GgufParts> | void, RegExp]>([
  ["magic", () => ({ magic: "GGML" }), /^model-invalid: FILE: magic is not "GGUF"/],
  ["version", () => ({ version: 7 }), /^model-invalid: FILE: version is 7/],
  ["version 1", () => ({ version: 1 }), /^model-unsupported: .*version 1/],
  ["byte order", () => ({ version: 0x03000000 }), /^model-unsupported: .*big-endian/],
  [
    "tensor count of 2^60",
    () => ({ tensorCount: 2n ** 60n }),
    /^model-invalid: FILE: tensor_count is 1152921504606846976/,
  ],
  [
    "tensor count beyond the file",
    () => ({ tensorCount: 60_000n }),
    /tensor_count is 60000, more than the rest of the file can hold/,
  ],
  ["metadata count of 2^60", () => ({ metadataCount: 2n ** 60n }), /metadata_kv_count is 1152921504606846976/],
  [
    "one metadata entry too many",
    () => ({ metadataCount: 15n }),
    /^model-invalid: FILE: length of a tensor's name is \d+, more than/,
  ],
  [
    "array length of 2^60",
    (parts) => setMetadata(parts, "tokenizer.ggml.tokens", gguf.lyingArray(8, 2n ** 60n)),
    /^model-invalid: FILE: length of tokenizer\.ggml\.tokens is 1152921504606846976/,
  ],
  [
    "array of an unknown type",
    (parts) => setMetadata(parts, "x.y", gguf.lyingArray(99, 1n)),
    /^model-invalid: FILE: type of x\.y is 99/,
  ],
  [
    "arrays nested deep",
    (parts) => setMetadata(parts, "x.deep", deepArray(100_000)),
    /^model-invalid: FILE: x\.deep nests arrays more than 3 deep/,
  ],
  [
    "string longer than the file",
    (parts) => setMetadata(parts, "x.long", { type: 8, bytes: lengthOnly(30_000_000n) }),
    /^model-invalid: FILE: length of x\.long is 30000000, more than the rest of the file can hold/,
  ],
  [
    "string of 2^63",
    (parts) => setMetadata(parts, "x.long", { type: 8, bytes: lengthOnly(2n ** 63n) }),
    /^model-invalid: FILE: length of x\.long is 9223372036854775808, more than the 33554432 allowed/,
  ],
  [
    "key twice",
    (parts) => void parts.metadata.push(["llama.block_count", gguf.u32(1)]),
    /llama\.block_count is there twice/,
  ],
  ["alignment", (parts) => setMetadata(parts, "general.alignment", gguf.u32(0)), /general\.alignment is 0/],
  [
    "split files",
    (parts) => setMetadata(parts, "split.count", gguf.u32(3)),
    /^model-unsupported: .*split into 3 files/,
  ],
  [
    "unknown tensor type",
    (parts) => setTensor(parts, 3, { type: 77 }),
    /^model-invalid: FILE: type of tensor blk\.0\.attn_q\.weight is 77/,
  ],
  [
    "unsupported tensor type",
    (parts) => setTensor(parts, 3, { type: 19 }),
    /^model-unsupported: FILE: tensor type IQ1_S \(of blk\.0\.attn_q\.weight\)/,
  ],
  [
    "dimension count",
    (parts) => setTensor(parts, 3, { sizes: [1, 1, 1, 1, 1] }),
    /n_dims of tensor blk\.0\.attn_q\.weight is 5/,
  ],
  [
    "dimension of 0",
    (parts) => setTensor(parts, 3, { sizes: [0, 32] }),
    /a dimension of tensor blk\.0\.attn_q\.weight is 0/,
  ],
  [
    "dimension of 2^60",
    (parts) => setTensor(parts, 3, { sizes: [32, 2n ** 60n] }),
    /a dimension of tensor blk\.0\.attn_q\.weight is 1152921504606846976/,
  ],
  [
    "dimensions whose product is too large",
    (parts) => setTensor(parts, 3, { sizes: [2 ** 40, 2 ** 40, 2 ** 40] }),
    /^model-invalid: FILE: tensor blk\.0\.attn_q\.weight has dimensions .* whose product is too large/,
  ],
  [
    "rows that are no whole blocks",
    (parts) => setTensor(parts, 3, { sizes: [40, 32], type: 2 }),
    /tensor blk\.0\.attn_q\.weight has rows of 40 values/,
  ],
  [
    "offset past the end",
    (parts) => setTensor(parts, 3, { offset: 2 ** 40 }),
    /tensor blk\.0\.attn_q\.weight should have 4096 bytes from offset \d+, but the file ends/,
  ],
  [
    "offset of 2^63",
    (parts) => setTensor(parts, 3, { offset: 2n ** 63n }),
    /offset of tensor blk\.0\.attn_q\.weight is 9223372036854775808/,
  ],
  [
    "tensor twice",
    (parts) => setTensor(parts, 3, { name: "token_embd.weight" }),
    /tensor token_embd\.weight is there twice/,
  ],
  [
    "tensor missing",
    (parts) => setTensor(parts, 3, { name: "other.weight" }),
    /^model-invalid: FILE: tensor blk\.0\.attn_q\.weight is missing/,
  ],
  [
    "shape that disagrees with the config",
    (parts) => setTensor(parts, 3, { sizes: [32, 16] }),
    /^model-invalid: FILE: tensor blk\.0\.attn_q\.weight has shape \[16, 32\], where the config says \[32, 32\]/,
  ],
  [
    "bias that would be left out",
    (parts) => void parts.tensors.push({ name: "blk.0.attn_output.bias", sizes: [32], type: 0, offset: 0 }),
    /^model-unsupported: .*blk\.0\.attn_output\.bias/,
  ],
])("%s", async (_name, change, message) => {
  expect(await check(change)).toMatch(message);
});

test("a download that broke off anywhere is an error that names what is missing", async () => {
  const whole = writeGguf(tinyLlama());
  for (let length = 0; length < whole.length; length += 97) {
    expect(await outcome(await temporaryFile(whole.subarray(0, length)))).toMatch(/^model-invalid: FILE: /);
  }
});

test("q and k of llama are put into half-split order, biases too, and v is left alone", async () => {
  const parts = tinyLlama();
  const biases = [
    ["q", 32],
    ["k", 16],
    ["v", 16],
  ] as const;
  for (const [name, size] of biases) {
    parts.tensors.push({ name: `blk.0.attn_${name}.bias`, sizes: [size], type: 0, offset: parts.dataBytes });
  }
  const bytes = writeGguf({ ...parts, dataBytes: parts.dataBytes + 32 * 4 });
  const dataStart = bytes.length - parts.dataBytes - 32 * 4;
  const queries = Number(parts.tensors[3]?.offset);
  for (let row = 0; row < 32; row++) {
    bytes.writeFloatLE(row, dataStart + parts.dataBytes + row * 4);
    for (let column = 0; column < 32; column++) bytes.writeFloatLE(row, dataStart + queries + (row * 32 + column) * 4);
  }
  const model = await openModel(await temporaryFile(bytes));
  const matrix = await model.read("layer.0.q");
  const head = [0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15];
  const bothHeads = [...head, ...head.map((row) => row + 16)];
  expect(Array.from({ length: 32 }, (_, row) => matrix[row * 32 + 5])).toEqual(bothHeads);
  expect([...(await model.read("layer.0.q_bias"))]).toEqual(bothHeads);
  expect([...(await model.read("layer.0.k_bias"))]).toEqual(head);
  expect([...(await model.read("layer.0.v_bias"))]).toEqual(head.map((_, row) => row));
  await model.close();
});

function lengthOnly(length: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(length);
  return bytes;
}

/** An array that holds one array that holds one array …, `depth` times. */
function deepArray(depth: number): ReturnType<typeof gguf.u32> {
  const level = Buffer.concat([Buffer.of(9, 0, 0, 0), lengthOnly(1n)]);
  return { type: 9, bytes: Buffer.concat(Array.from({ length: depth }, () => level)) };
}
