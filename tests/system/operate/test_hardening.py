"""How the programs are built: position-independent, read-only relocations, canaries, checked string functions, CET. Those that
the other tests run, and those that are shipped."""
import re
import subprocess

import pytest
from luna_stack import BUILD, ROOT

RELEASE = ROOT / "build" / "release"
NAMES = ["fcgi-worker", "quota-syncd", "luna"]
PROGRAMS = [pytest.param(build / "bin" / name, id=f"{build.name}-{name}") for build in dict.fromkeys((BUILD, RELEASE)) for name in NAMES]


def readelf(program, *options):
    return subprocess.run(["readelf", "-W", *options, program], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("name", NAMES)
def test_what_is_shipped_is_not_looked_at(name):
    """By building it: scripts/test system does."""
    assert (RELEASE / "bin" / name).exists()


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_is_not_position_independent(program):
    assert re.search(r"Type: +DYN", readelf(program, "-h")) and re.search(r"FLAGS_1.*\bPIE\b", readelf(program, "-d"))


@pytest.mark.parametrize("program", PROGRAMS)
def test_relocations_are_writable_or_bound_late(program):
    assert "GNU_RELRO" in readelf(program, "-l")
    assert re.search(r"\(FLAGS\).*BIND_NOW|\(BIND_NOW\)", readelf(program, "-d"))


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_segment_is_writable_and_executable(program):
    segments = re.findall(r"^ +(\w+) +0x\S+ 0x\S+ 0x\S+ 0x\S+ 0x\S+ ([R ][W ][E ])", readelf(program, "-l"), re.MULTILINE)
    assert ("GNU_STACK", "RW ") in segments and not [segment for segment in segments if segment[1][1:] == "WE"]


@pytest.mark.parametrize("program", PROGRAMS)
def test_canaries_or_checked_functions_are_missing(program):
    symbols = readelf(program, "--dyn-syms")
    assert "__stack_chk_fail" in symbols
    assert {name for name in ("__snprintf_chk", "__memcpy_chk", "__vsnprintf_chk") if name not in symbols} == set()


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_unbounded_string_function_is_called(program):
    imported = set(re.findall(r" UND (\w+)", readelf(program, "--dyn-syms")))
    assert imported & {"strcpy", "strcat", "sprintf", "vsprintf", "gets", "__strcpy_chk", "__strcat_chk", "__sprintf_chk", "system", "popen"} == set()


@pytest.mark.parametrize("program", PROGRAMS)
def test_shadow_stack_or_landing_pads_are_missing(program):
    if "X86-64" not in readelf(program, "-h"):
        pytest.skip("CET is a feature of x86-64")
    assert "SHSTK" in readelf(program, "-n")
    code = subprocess.run(["objdump", "-d", "--no-show-raw-insn", "--section=.text", program],
                          capture_output=True, text=True, check=True).stdout
    functions = [block for block in code.split("\n\n") if re.match(r"[0-9a-f]+ <", block)]
    landing = [block for block in functions if "endbr64" in block.split("\n", 2)[1]]
    assert len(landing) > 100, f"{len(landing)} of {len(functions)} functions begin with endbr64"


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_folder_of_the_builder_is_searched_for_libraries(program):
    assert not re.search(r"\((RPATH|RUNPATH)\)", readelf(program, "-d"))
