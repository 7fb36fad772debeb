import { beforeAll, describe, test } from "vitest";
import { TokenScorer } from "../../engine/retrieval/token-scorer.ts";
import { checkSwiftShader, HAS_SWIFTSHADER } from "../support/swiftshader.ts";
import { expectScoresWhileChanging } from "../support/token-index.ts";

describe.skipIf(!HAS_SWIFTSHADER)("scores of tokens on WebGPU, in software", () => {
  beforeAll(checkSwiftShader);

  test("are those of the definition, whatever came and went before", () =>
    expectScoresWhileChanging((index) => new TokenScorer(index, 1, "webgpu"), 70, 1e-3));
});
