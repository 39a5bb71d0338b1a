"""Circles of modules that use each other. A .c file and the header of its name are one module."""
import collections
import pathlib


def module_of(path):
    return pathlib.PurePosixPath(path).with_suffix("").as_posix()


def reachable(edges, start):
    """The modules that can be reached from `start`, each with the one before it on a shortest path."""
    before, queue = {}, collections.deque([start])
    while queue:
        module = queue.popleft()
        for following in edges[module]:
            if following not in before:
                before[following] = module
                queue.append(following)
    return before


def circles_of(arrows):
    """One shortest circle for each set of modules that reach one another."""
    edges = collections.defaultdict(dict)
    for arrow in arrows:
        source, target = module_of(arrow.source), module_of(arrow.target)
        if source != target:
            edges[source].setdefault(target, arrow)
    reported = set()
    for start in sorted(edges):
        before = reachable(edges, start)
        if start not in before or start in reported:
            continue
        circle, module = [], start
        while not circle or module != start:
            circle.insert(0, edges[before[module]][module])
            module = before[module]
        reported.update(module_of(arrow.source) for arrow in circle)
        yield circle
