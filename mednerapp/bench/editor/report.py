"""The figures of a run as values and as a table: every one beside its floor, with what was aimed at."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any

from mednerapp.bench.editor.driving import Frame
from mednerapp.bench.editor.first_paint import FirstPaints
from mednerapp.bench.editor.keyboard import ACTIONS, ONE_CLASS, Timed
from mednerapp.bench.editor.notes import Size
from mednerapp.bench.editor.peers import Peer
from mednerapp.bench.editor.saves import Saves

# (median, p95) at most, as ratios to the floor.
TARGETS = {(5_000, 500): (1.5, 2.0), (20_000, 2_000): (2.0, 3.0)}
FIRST_PAINT_TARGET = (20_000, 2_000), 3.0
SAVE_TARGET = 1.5


def p95(values: Sequence[float]) -> float:
    """The smallest value that at least 95 of 100 do not exceed."""
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]


def compared(floor: Sequence[float], taken: Sequence[float]) -> dict[str, float]:
    """Milliseconds, and the ratios of like to like: median to median, p95 to p95."""
    values = {
        "floor_median": statistics.median(floor),
        "floor_p95": p95(floor),
        "median": statistics.median(taken),
        "p95": p95(taken),
    }
    values["ratio_median"] = values["median"] / values["floor_median"]
    values["ratio_p95"] = values["p95"] / values["floor_p95"]
    return values


def frames(timed: Timed, completed: Timed) -> dict[str, Any]:
    """Figures without a target; none of keys that never did anything.

    completed: other presses of the same key, timed to their second frame.
    """
    answer: dict[str, Any] = {"samples": len(timed.frames), "failed": timed.failed}
    if timed.frames:
        answer |= compared([one.painted for one in timed.floor], [one.painted for one in timed.frames])
    if completed.frames:
        answer["completed"] = {
            "samples": len(completed.frames),
            "failed": completed.failed,
            **compared(_completed(completed.floor), _completed(completed.frames)),
        }
    return answer


def _completed(frames_: Sequence[Frame]) -> list[float]:
    return [one.completed for one in frames_ if one.completed is not None]


def action(timed: Timed, completed: Timed, size: Size) -> dict[str, Any]:
    """An action that the editor did not do at all has no figures."""
    answer = frames(timed, completed)
    if not timed.frames:
        return answer
    answer["event_timing_from_16_ms"] = len(timed.event_timing)
    answer["event_timing_median"] = statistics.median(timed.event_timing) if timed.event_timing else None
    targets = TARGETS.get((size.words, size.spans))
    if targets:
        answer["targets"] = list(targets)
        answer["met"] = answer["ratio_median"] <= targets[0] and answer["ratio_p95"] <= targets[1]
    return answer


def save(saves: Saves) -> dict[str, Any]:
    answer: dict[str, Any] = {"samples": len(saves.saves), **compared(saves.floor, saves.saves)}
    return answer | {"targets": [SAVE_TARGET], "met": answer["ratio_median"] <= SAVE_TARGET}


def first_paint(found: FirstPaints, size: Size) -> dict[str, Any]:
    block, editor = found.painted["block"], found.painted["editor"]
    answer: dict[str, Any] = {"samples": len(editor), **compared(block, editor), "counted": found.counted}
    which, most = FIRST_PAINT_TARGET
    if (size.words, size.spans) == which:
        answer |= {"targets": [most], "met": answer["ratio_median"] <= most}
    return answer


def peer(one: Peer) -> dict[str, Any]:
    return {
        "name": one.name,
        "version": one.version,
        "how": one.how,
        "spans": one.spans,
        "shown": one.shown,
        "actions": {
            name: {
                "samples": len(times),
                **(
                    compared(one.floors[name], times)
                    if name in one.floors
                    else {"median": statistics.median(times), "p95": p95(times)}
                ),
            }
            for name, times in one.times.items()
        },
    }


def table(result: dict[str, Any]) -> str:
    machine = result["machine"]
    load = f"load {machine['load_before']:.1f} before, {machine['load_after']:.1f} after"
    how_many = f"median / p95 of {result['samples']}"
    lines = [
        f"{machine['processor']} · {machine['cores']} cores · {load} · Chromium {machine['chromium']}, headless",
        f"ms from keydown to the task after the painted frame; {how_many}; ratios to the floor beside it",
        f"2nd frame, which shows what follows the first: floor / editor, medians of {result['second_frames']} presses",
    ]
    if result["slow_handler_ms"]:
        lines.append(f"WITH A PLANTED HANDLER of {result['slow_handler_ms']:g} ms: a check of the bench, no result")
    for name, size in result["sizes"].items():
        lines += ["", *_size(name, size)]
    return "\n".join(lines)


_HEAD = f"{'':26}{'floor':>15}{'editor':>15}{'ratio':>14}{'2nd frame':>15}  target"


def _size(name: str, size: dict[str, Any]) -> list[str]:
    lines = [f"{name} (words/spans)", _HEAD]
    lines += [_row(action_, size["actions"][action_]) for action_ in ACTIONS]
    lines.append(_row(ONE_CLASS, size["one_class"]))
    lines.append(_row("edit → acknowledged", size["save"]))
    lines.append(_row("first paint", size["first_paint"]))
    counted = size["first_paint"]["counted"]
    for what, unit in (("nodes", ""), ("heap_mb", " MB")):
        block, editor, page = counted["block"][what], counted["editor"][what], size["page"][what]
        there = f"{page:,.1f}{unit} in the product's page"
        lines.append(f"{what.split('_')[0]:26}{block:>12,.1f}{unit:3}{editor:>12,.1f}{unit:3}{'':29}  {there}")
    for peer_ in size["peers"]:
        lines += ["", *_peer(peer_, size)]
    return lines


def _row(name: str, found: dict[str, Any]) -> str:
    if "median" not in found:
        return f"{name:26}  not in this editor (no key did it)"
    target = ""
    if "targets" in found:
        target = "≤ " + " / ".join(f"{most:g}" for most in found["targets"]) + (" met" if found["met"] else " NOT met")
    second = found.get("completed")
    completed = _pair(second["floor_median"], second["median"]) if second else ""
    failed = f"  {found['failed']} keys without effect" if found.get("failed") else ""
    return (
        f"{name:26}{_pair(found['floor_median'], found['floor_p95'])}{_pair(found['median'], found['p95'])}"
        f"{_pair(found['ratio_median'], found['ratio_p95'], digits=2, width=14)}{completed:>15}  {target}{failed}"
    )


def _peer(peer_: dict[str, Any], size: dict[str, Any]) -> list[str]:
    lost = peer_["spans"] - peer_["shown"]
    most = max((found["samples"] for name, found in peer_["actions"].items() if name in ACTIONS), default=0)
    dropped = f"{lost or 'no'} of {peer_['spans']:,} spans dropped"
    lines = [f"{peer_['name']} {peer_['version']}: {dropped}; at most {most} of each; {peer_['how']}"]
    ours = {**size["actions"], "first paint": size["first_paint"]}
    for name in (*ACTIONS, "first paint"):
        found = peer_["actions"].get(name)
        if not found:
            lines.append(f"  {name:24}  -")
            continue
        beside = ours[name].get("median")
        word = "" if beside is None else "editor ahead" if beside < found["median"] else "editor BEHIND"
        floor = _pair(found["floor_median"], found["floor_p95"]) if "floor_median" in found else " " * 15
        ratio = (
            _pair(found["ratio_median"], found["ratio_p95"], digits=2, width=14)
            if "ratio_median" in found
            else " " * 14
        )
        lines.append(f"  {name:24}{floor}{_pair(found['median'], found['p95'])}{ratio}  {word}")
    return lines


def _pair(a: float, b: float, *, digits: int = 1, width: int = 15) -> str:
    return f"{f'{a:.{digits}f} / {b:.{digits}f}':>{width}}"
