import { expect, it } from "vitest";
import { openModel } from "../../engine/models/open-model.ts";
import { chatAround, readChatTemplate } from "../../engine/tokenizer/chat-template.ts";
import { createTokenizer } from "../../engine/tokenizer/tokenizer.ts";
import { testModelPath } from "../support/model.ts";
import { readGolden } from "./golden.ts";

it("SmolLM2's tokenizer, rebuilt from its GGUF file, gives the reference's ids and texts", async () => {
  const model = await openModel(testModelPath());
  try {
    const tokenizer = createTokenizer(model.tokenizerFiles);
    const { cases } = readGolden("smollm2");
    const got = cases.map(({ text, plain }) => ({
      text,
      plain: [...tokenizer.encode(text)],
      template: [...tokenizer.encodeTemplate(text)],
      decoded: tokenizer.decode(plain),
    }));
    expect(got).toEqual(cases.map((golden) => ({ ...golden, template: golden.template ?? golden.plain })));
    expect(tokenizer.endTokens).toEqual(new Set([0, 2]));
    expect(tokenizer.bosToken).toBe(1);
    const { prefix, suffix } = chatAround(readChatTemplate(model.tokenizerFiles), {
      system: "S",
      history: [],
      question: "Q",
    });
    expect([...tokenizer.encodeTemplate(prefix)].filter((id) => id < 3)).toEqual([1, 2, 1]);
    expect(suffix).toBe("Q<|im_end|>\n<|im_start|>assistant\n");
  } finally {
    await model.close();
  }
});
