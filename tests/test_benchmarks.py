"""Benchmarks leave out what the machine would emulate, and print so."""

import sys

import pytest
from benchmarks import overhead

from striate.training import choose_device, choose_precision, machine


@pytest.mark.parametrize("flags", ["flags: avx2 fma", "flags: avx2 avx512_bf16"])
def test_bfloat16_is_left_out_where_the_cpu_emulates_it(flags, monkeypatch, capsys):
    class Machine:
        def read_text(self) -> str:
            return flags

    monkeypatch.setattr(machine, "Path", lambda _: Machine())
    asked: list[str] = []

    def compare(_size: int, precision: str, *_: object) -> list[str]:
        asked.append(precision)
        return [precision] * 6

    monkeypatch.setattr(overhead, "compare", compare)
    monkeypatch.setattr(sys, "argv", ["overhead"])
    overhead.main()
    has = "bf16" in flags
    assert ("bfloat16" in asked) is has
    assert ("left out: bfloat16" in capsys.readouterr().out) is not has
    assert choose_precision("auto", choose_device("cpu")) == ("bfloat16" if has else "float32")
