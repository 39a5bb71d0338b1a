"""What processes use: processor time and memory, from /proc."""
import os
import pathlib

TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def descendants(pid):
    """pid and all processes below it."""
    found = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            for child in task.read_text(encoding="ascii").split():
                found += descendants(int(child))
        except OSError:
            continue
    return found


def cpu_s(roots):
    """User and system time of these processes and those below them, the dead ones they waited for counted too."""
    ticks = 0
    for pid in {each for root in roots for each in descendants(root)}:
        try:
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        except OSError:
            continue
        ticks += sum(map(int, fields[11:15]))
    return ticks * TICK_S


def memory(pid):
    """Bytes of one process, by kind: Rss, Pss (what is shared counts by its share), Private, and the peak of Rss (VmHWM)."""
    kinds = {"Rss": 0, "Pss": 0, "Private_Clean": 0, "Private_Dirty": 0}
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]:
        name, kilobytes = line.split()[:2]
        if name[:-1] in kinds:
            kinds[name[:-1]] += 1024 * int(kilobytes)
    return {"rss": kinds["Rss"], "pss": kinds["Pss"], "private": kinds["Private_Clean"] + kinds["Private_Dirty"], "peak": peak_bytes(pid)}


def peak_bytes(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def name_of(pid):
    """"" when it has ended."""
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def workers(master):
    """The workers of a pool, its monitor left out."""
    return [pid for pid in descendants(master) if pid != master and "worker" in name_of(pid)]
