"""Compiled kernels: generated through LLVM for one level, kept on disk as object code, loaded into this process.

The file's name holds everything that the code depends on: the level and how it keeps the cache, its target, the
sources' digest, LLVM's version.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import itertools
from collections.abc import Callable
from pathlib import Path

from llvmlite import binding, ir

from galerne.kernels import batch, interface
from galerne.kernels.native import runner
from galerne.kernels.native.cache import Storage
from galerne.kernels.native.levels import Level
from galerne.kernels.native.object_cache import cached_object


class Library:
    """The kernels of one level, callable. Calls release the interpreter lock."""

    run: Callable[[int, int], None]
    """(address of a context, number of the calling thread): execute the context's program."""

    def __init__(self, image: bytes) -> None:
        """`image`: an object file, as `compile_object` gives it for this machine."""
        self._tracker = _link(image)  # keeps the code in memory
        self.run = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64)(self._tracker["run"])


def load_library(
    level: Level, storage: Storage, folder: Path, announce: Callable[[str], None] = lambda _: None
) -> Library:
    """The level's kernels, compiled now if `folder` does not hold them yet. `announce` gets a line before that."""

    def compile_level() -> bytes:
        announce(f"Compiling the kernels for {level.name}, once on this machine ...")
        return compile_object(generate(level, storage), level)

    name = f"{level.name}-{storage.name}-{_fingerprint(level)}.o"
    return Library(cached_object(folder / name, compile_level))


def generate(level: Level, storage: Storage) -> str:
    """The kernels in LLVM's intermediate language."""
    module = ir.Module(name=f"galerne_{level.name}")
    module.triple = _triple(level)
    runner.write_runner(module, level, storage)
    return str(module)


def compile_object(source: str, level: Level) -> bytes:
    """Machine code (an object file) of what `generate` wrote, for the level's CPU, be it this one or another."""
    module, machine = _optimise(source, level)
    return bytes(machine.emit_object(module))


def assembly(source: str, level: Level) -> str:
    """The same as text, to look at which instructions were chosen."""
    module, machine = _optimise(source, level)
    return str(machine.emit_assembly(module))


def _optimise(source: str, level: Level) -> tuple[binding.ModuleRef, binding.TargetMachine]:
    machine = _target_machine(level)
    module = binding.parse_assembly(source)
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


def _link(image: bytes) -> binding.orcjit.ResourceTracker:
    builder = binding.JITLibraryBuilder().add_object_img(image).add_current_process()
    return builder.export_symbol("run").link(_jit(), f"kernels-{next(_links)}")


def _fingerprint(level: Level) -> str:
    target = (binding.llvm_version_info, _triple(level), level.cpu, level.features, level.paired)
    digest = hashlib.sha256(repr(target).encode())
    for source in (Path(batch.__file__), Path(interface.__file__), *sorted(Path(__file__).parent.glob("*.py"))):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:20]
