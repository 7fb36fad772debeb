"""Makes a GGUF that holds only a SentencePiece vocabulary with scores, and what transformers tokenises with it.

Run in this folder, with the packages of requirements.txt, after make_tokenizer.py: python make_gguf_tokenizer.py
Writes gguf-sentencepiece.gguf and gguf-sentencepiece.json: [{text, ids, decoded}].
"""

import json
import pathlib

import gguf
from make_tokenizer import TEXTS, fuzz
from transformers import AutoTokenizer

HERE = pathlib.Path(__file__).parent
PATH = HERE / "gguf-sentencepiece.gguf"


def write_gguf(model: dict) -> None:
    """Scores as SentencePiece gives them: the negated rank of the merge that makes a piece."""
    vocabulary = sorted(model["vocab"], key=model["vocab"].get)
    ranks = {"".join(merge): rank for rank, merge in reversed(list(enumerate(model["merges"])))}
    writer = gguf.GGUFWriter(PATH, "llama")
    writer.add_tokenizer_model("llama")
    writer.add_token_list(vocabulary)
    writer.add_token_scores([-float(ranks.get(token, len(ranks))) for token in vocabulary])
    writer.add_token_types([2 if i == 0 else 3 if i < 3 else 6 if token.startswith("<0x") else 1 for i, token in enumerate(vocabulary)])
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main() -> None:
    write_gguf(json.loads((HERE / "tokenizer-sentencepiece.json").read_text())["tokenizer"]["model"])
    tokenizer = AutoTokenizer.from_pretrained(str(HERE), gguf_file=PATH.name).backend_tokenizer
    cases = []
    for text in [*TEXTS, *fuzz(5, 60)]:
        if any(0xD800 <= ord(character) < 0xE000 for character in text) or "<" in text:
            continue
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        cases.append({"text": text, "ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=True)})
    lines = ",\n".join(json.dumps(case) for case in cases)
    (HERE / "gguf-sentencepiece.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
