"""Compiled kernels: generated through LLVM for one level, kept on disk as object code, loaded into this process.

The file's name holds everything the code depends on: the level, its target, the sources' digest, LLVM's version. It is
written under another name and moved into place, so processes that start together do not disturb one another, and
begins with its own SHA-256, so a damaged file is made again instead of run.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import itertools
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from llvmlite import binding, ir

from galerne.kernels import batch
from galerne.kernels.native import runner
from galerne.kernels.native.levels import Level


class Library:
    """The kernels of one level, callable. Calls release the interpreter lock."""

    run: Callable[[int, int], None]
    """(address of a context, number of the calling thread): execute the context's program."""

    def __init__(self, level: Level, tracker: binding.orcjit.ResourceTracker) -> None:
        self.level = level
        self._tracker = tracker  # keeps the code in memory
        self.run = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64)(tracker["run"])


def load_library(level: Level, folder: Path, announce: Callable[[str], None] = lambda _: None) -> Library:
    """The level's kernels, compiled now if `folder` does not hold them yet. `announce` gets a line before that."""
    path = folder / f"{level.name}-{_fingerprint(level)}.o"
    image = _read(path)
    if image is None:
        announce(f"Compiling the kernels for {level.name}, once on this machine ...")
        image = compile_object(level)
        _write(path, image)
    return Library(level, _link(level, image))


def generate(level: Level) -> ir.Module:
    """The kernels as LLVM's intermediate language."""
    module = ir.Module(name=f"galerne_{level.name}")
    module.triple = _triple(level)
    runner.write_runner(module, level)
    return module


def compile_object(level: Level) -> bytes:
    """Machine code (an object file) of the level's kernels, for this CPU or another."""
    module, machine = optimised(level)
    return bytes(machine.emit_object(module))


def assembly(level: Level) -> str:
    """The same as text, to look at which instructions were chosen."""
    module, machine = optimised(level)
    return str(machine.emit_assembly(module))


def optimised(level: Level) -> tuple[binding.ModuleRef, binding.TargetMachine]:
    machine = _target_machine(level)
    module = binding.parse_assembly(str(generate(level)))
    module.verify()
    options = binding.create_pipeline_tuning_options(speed_level=2)
    options.loop_unrolling = False
    options.loop_vectorization = options.slp_vectorization = False
    builder = binding.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    return module, machine


def _target_machine(level: Level) -> binding.TargetMachine:
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    target = binding.Target.from_triple(_triple(level))
    return target.create_target_machine(cpu=level.cpu, features=level.features, opt=2, reloc="pic", codemodel="small")


def _triple(level: Level) -> str:
    """The system that the code is for: this one, unless the level belongs to another kind of CPU."""
    here = str(binding.get_process_triple())
    kind = here.split("-")[0].replace("arm64", "aarch64")
    return here if level.triple.split("-")[0] in (kind, "") else level.triple


@functools.cache
def _jit() -> binding.orcjit.LLJIT:
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding.create_lljit_compiler()


_links = itertools.count()


def _link(level: Level, image: bytes) -> binding.orcjit.ResourceTracker:
    builder = binding.JITLibraryBuilder().add_object_img(image).add_current_process()
    return builder.export_symbol("run").link(_jit(), f"{level.name}-{next(_links)}")


def _fingerprint(level: Level) -> str:
    target = (binding.llvm_version_info, _triple(level), level.cpu, level.features)
    digest = hashlib.sha256(repr(target).encode())
    for source in (Path(batch.__file__), *sorted(Path(__file__).parent.glob("*.py"))):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:20]


def _read(path: Path) -> bytes | None:
    try:
        content = path.read_bytes()
    except OSError:
        return None
    image = content[32:]
    return image if image and hashlib.sha256(image).digest() == content[:32] else None


def _write(path: Path, image: bytes) -> None:
    """Keep the code for the next start; a folder that cannot be written costs only time."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(image).digest() + image)
            os.replace(name, path)
        finally:
            Path(name).unlink(missing_ok=True)  # not there any longer, if all went well
