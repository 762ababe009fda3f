"""Cutting a long text into tokens must not keep the server's other threads waiting."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from galerne.prompt import open_tokenizer
from galerne.weights import open_checkpoint


def test_other_threads_run_while_a_text_is_cut(default_model: Path) -> None:
    tokenizer = open_tokenizer(open_checkpoint(default_model))
    thread = threading.Thread(target=tokenizer.encode, args=("Un texte assez long. " * 20_000,))
    thread.start()
    turns = 0
    while thread.is_alive():
        time.sleep(0.001)
        turns += 1
    assert turns > 20  # with the interpreter's lock held, there are two or three
