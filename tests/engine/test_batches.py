"""What a batch says of its sequences, step after step."""

from __future__ import annotations

import numpy as np

from galerne.engine.batches import BatchBuilder, Share
from galerne.engine.request import GenerationRequest
from galerne.engine.sequence import Sequence


def sequence(prompt: list[int], computed: int, table: list[int], generated: tuple[int, ...] = ()) -> Sequence:
    made = Sequence(GenerationRequest("id", tuple(prompt), max_tokens=50), 0, 0.0, np.random.default_rng(0))
    made.tokens += generated
    made.computed = computed
    made.table = table
    return made


def test_rows_of_answers_guesses_and_prompts():
    answer = sequence([1, 2, 3], 4, [7], generated=(4, 5))
    prompt = sequence(list(range(10, 20)), 2, [3])
    shares = [Share(answer, 1, complete=True, proposal=(8, 9)), Share(prompt, 4, complete=False)]
    batch = BatchBuilder(64, 4, 96).build(shares).batch
    assert batch.tokens.tolist() == [5, 8, 9, 12, 13, 14, 15]
    assert batch.positions.tolist() == [4, 5, 6, 2, 3, 4, 5]
    assert batch.starts.tolist() == [0, 3, 7]
    assert batch.lengths.tolist() == [7, 6]
    assert batch.outputs.tolist() == [0, 1, 2]
    assert batch.answers == 3
    assert batch.blocks[:, 0].tolist() == [7, 3]


def test_a_batch_has_the_blocks_that_its_sequences_have_now():
    builder = BatchBuilder(64, 4, 96)
    first, second = sequence([1] * 90, 40, [5, 6]), sequence([1] * 90, 40, [7, 8])

    def built(*sequences: Sequence) -> list[list[int]]:
        step = builder.build([Share(each, 1, complete=False) for each in sequences])
        return [row[: len(each.table)].tolist() for row, each in zip(step.batch.blocks, sequences, strict=True)]

    assert built(first, second) == [[5, 6], [7, 8]]
    first.table[1] = 9  # it goes on with an equal block of somebody else
    second.table.append(4)
    assert built(first, second) == [[5, 9], [7, 8, 4]]
    assert built(second) == [[7, 8, 4]]
    assert built(first, second) == [[5, 9], [7, 8, 4]]
    second.table[:] = [1]
    assert built(second, first) == [[1], [5, 9]]
