"""What a CPU can do, and how much of it a process may use: affinity, and quotas of both versions of control groups."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

from galerne.kernels.native import amx, cpu
from galerne.kernels.native.cpu import arm_features, control_group_cpus, host_features, usable_threads
from galerne.kernels.native.levels import LEVELS, usable_levels


@pytest.fixture
def group(tmp_path):
    """Makes control groups: paths of limit files and their content."""

    def make(membership: str, files: dict[str, str]) -> int:
        (tmp_path / "membership").write_text(membership)
        for name, content in files.items():
            path = tmp_path / "cgroup" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return control_group_cpus(tmp_path / "cgroup", tmp_path / "membership")

    return make


UNLIMITED = 1 << 16


@pytest.mark.parametrize(
    ("membership", "files", "cpus"),
    [
        ("0::/\n", {"cpu.max": "max 100000\n"}, UNLIMITED),
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "100000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "1000 100000\n"}, 1),
        ("0::/a/b\n", {"a/cpu.max": "300000 100000\n", "a/b/cpu.max": "max 100000\n"}, 3),
        ("0::/a/b\n", {"a/cpu.max": "300000 100000\n", "a/b/cpu.max": "50000 25000\n"}, 2),
        ("0::/the/host/sees/this\n", {"cpu.max": "400000 100000\n"}, 4),
        (
            "4:cpu,cpuacct:/a\n3:memory:/b\n",
            {"cpu/a/cpu.cfs_quota_us": "250000\n", "cpu/a/cpu.cfs_period_us": "100000\n"},
            3,
        ),
        ("4:cpu:/a\n", {"cpu/a/cpu.cfs_quota_us": "-1\n", "cpu/a/cpu.cfs_period_us": "100000\n"}, UNLIMITED),
        ("4:cpu:/a\n", {"cpu/cpu.cfs_quota_us": "200000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 2),
        ("3:memory:/b\n", {"b/cpu.max": "100000 100000\n"}, UNLIMITED),
        ("0::/\n", {"cpu.max": "nonsense\n"}, UNLIMITED),
        ("0::/\n", {"cpu.max": "0 0\n"}, UNLIMITED),
        ("0::/\n", {}, UNLIMITED),
        ("", {}, UNLIMITED),
    ],
)
def test_quotas_are_rounded_up(membership, files, cpus, group):
    assert group(membership, files) == cpus


def test_a_system_without_control_groups_has_no_quota(tmp_path):
    assert control_group_cpus(tmp_path / "none", tmp_path / "none") == UNLIMITED


@pytest.mark.parametrize(
    ("wanted", "affinity", "quota", "threads"),
    [(0, 8, UNLIMITED, 8), (0, 8, 3, 3), (5, 8, 3, 3), (2, 8, 3, 2), (512, 2, UNLIMITED, 2), (1, 1, 1, 1)],
)
def test_threads_are_those_that_may_run(wanted, affinity, quota, threads, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(affinity)), raising=False)
    monkeypatch.setattr(cpu, "control_group_cpus", lambda: quota)
    assert usable_threads(wanted) == threads


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system has no affinity")
def test_this_process_keeps_to_its_affinity():
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert usable_threads(0) == 1
    finally:
        os.sched_setaffinity(0, before)


@pytest.mark.skipif(platform.machine() != "x86_64" or platform.system() != "Linux", reason="Linux on x86 tells")
@pytest.mark.parametrize("name", ["avx2", "fma", "f16c", "avx512f", "avx512vl"])
def test_features_are_those_that_the_system_knows(name):
    flags = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags"))
    assert (name in host_features()) == (name in flags.split())


def test_arm_features_by_the_systems_bits():
    assert arm_features(0) == set()
    assert arm_features(1 << 20 | 1 << 8) == {"dotprod", "lse"}


X86 = frozenset({"avx2", "fma", "f16c"})
AVX512 = X86 | {"avx512f", "avx512bw", "avx512vl", "avx512dq", "avx512vnni"}


@pytest.mark.parametrize(
    ("machine", "features", "levels"),
    [
        ("x86_64", frozenset(), ["portable"]),
        ("x86_64", X86 - {"f16c"}, ["portable"]),
        ("x86_64", X86, ["avx2", "portable"]),
        ("x86_64", X86 | {"avxvnni"}, ["avx_vnni", "avx2", "portable"]),
        ("x86_64", AVX512 - {"avx512vnni"}, ["avx2", "portable"]),
        ("x86_64", AVX512, ["avx512_vnni", "avx2", "portable"]),
        ("x86_64", AVX512 | {"avx512bf16"}, ["avx512_bf16", "avx512_vnni", "avx2", "portable"]),
        ("x86_64", AVX512 | {"amx-tile", "amx-bf16"}, ["amx_bf16", "avx512_vnni", "avx2", "portable"]),
        ("aarch64", frozenset({"dotprod"}), ["neon_dot", "portable"]),
        ("arm64", frozenset({"dotprod"}), ["neon_dot", "portable"]),
        ("aarch64", AVX512, ["portable"]),
        ("riscv64", AVX512 | {"dotprod"}, ["portable"]),
    ],
)
def test_the_best_level_comes_first(machine, features, levels, monkeypatch):
    monkeypatch.setattr(amx, "permitted", lambda: True)
    assert [level.name for level in usable_levels(features, machine)] == levels


def test_tiles_need_the_systems_permission(monkeypatch):
    monkeypatch.setattr(amx, "permitted", lambda: False)
    features = AVX512 | LEVELS["amx_bf16"].needs
    assert [level.name for level in usable_levels(features, "x86_64")] == ["avx512_vnni", "avx2", "portable"]
