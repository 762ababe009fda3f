"""Code is found again by everything that it depends on, and by nothing else."""

from __future__ import annotations

import ctypes
from dataclasses import replace

import pytest
from llvmlite import ir

from galerne.errors import SettingsError
from galerne.kernels import open_kernels
from galerne.kernels.native import library, native_kernels
from galerne.kernels.native.cache import BYTES, HALVES
from galerne.kernels.native.emitter import I64, VOID, Emitter
from galerne.kernels.native.levels import PORTABLE
from galerne.kernels.native.library import load_library


@pytest.fixture
def quick(monkeypatch):
    """Kernels that only write their thread's number, so that they compile at once."""

    def write(module, _level, _storage):
        emit = Emitter(ir.Function(module, ir.FunctionType(VOID, [I64] * 2), "run"))
        address, thread = emit.arguments
        emit.store(thread, address)
        emit.done()

    monkeypatch.setattr(library.runner, "write_runner", write)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.mark.usefixtures("quick")
def test_a_first_start_says_that_it_compiles(tmp_path, said):
    for _ in range(2):
        load_library(PORTABLE, HALVES, tmp_path, said.append)
    assert said == ["Compiling the kernels for portable, once on this machine ..."]


@pytest.mark.usefixtures("quick")
def test_code_for_another_target_or_version_is_not_used(tmp_path, said, monkeypatch):
    load_library(PORTABLE, HALVES, tmp_path, said.append)
    load_library(replace(PORTABLE, features="+sse4.1"), HALVES, tmp_path, said.append)
    load_library(replace(PORTABLE, cpu="generic"), HALVES, tmp_path, said.append)
    load_library(replace(PORTABLE, name="other"), HALVES, tmp_path, said.append)
    monkeypatch.setattr(library.binding, "llvm_version_info", (1, 2, 3))
    load_library(PORTABLE, HALVES, tmp_path, said.append)
    load_library(PORTABLE, BYTES, tmp_path, said.append)
    assert len(said) == 6
    load_library(PORTABLE, HALVES, tmp_path, said.append)
    assert len(said) == 6


@pytest.mark.usefixtures("quick")
def test_loaded_code_outlives_its_file_and_others(tmp_path):
    first = load_library(PORTABLE, HALVES, tmp_path)
    for file in tmp_path.iterdir():
        file.unlink()
    del first
    libraries = [load_library(PORTABLE, HALVES, tmp_path) for _ in range(3)]
    number = ctypes.c_int64()
    for thread, each in enumerate(libraries):
        each.run(ctypes.addressof(number), thread)
        assert number.value == thread


def test_a_level_that_this_cpu_cannot_run_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("galerne.kernels.native.host_features", frozenset)
    for name in ("avx2", "amx_bf16", "neon_dot"):
        with pytest.raises(SettingsError, match=f"cannot run '{name}'") as failure:
            native_kernels(name, 1, tmp_path)
        assert "portable, reference" in str(failure.value)


def test_unknown_kernels_are_refused(tmp_path):
    with pytest.raises(SettingsError, match="no kernels called 'avx9'"):
        open_kernels("avx9", 1, tmp_path)


@pytest.mark.usefixtures("quick")
def test_auto_is_the_best_level(tmp_path, monkeypatch):
    monkeypatch.setattr("galerne.kernels.native.host_features", frozenset)
    assert native_kernels("auto", 1, tmp_path).level == "portable"
