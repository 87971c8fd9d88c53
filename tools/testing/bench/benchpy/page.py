# SPDX-License-Identifier: GPL-2.0
"""One self-contained page: on what it was measured, plots, tables."""

import html

from . import costs, plan, plots, results, table

GROUPS = {"data": "Reading and writing", "files": "Small files and directories",
          "trees": "A source tree"}
SPENT = [("Messages, events and hypercalls",
          ["messages", "domain switches", "events guest", "events dom0", "event calls guest",
           "event calls dom0", "hypercalls guest", "hypercalls dom0"]),
         ("CPU time, context switches and allocations",
          ["cpu guest", "cpu dom0", "switches guest", "switches dom0", "allocations guest",
           "allocations dom0", "ring bytes"])]

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #1a1a1a; max-width: 980px;
	margin: 24px auto; padding: 0 20px; }
h1 { font-size: 24px; } h2 { font-size: 19px; margin-top: 36px; }
figure { margin: 20px 0; } figcaption { font-weight: 600; margin-bottom: 4px; }
svg { max-width: 100%; height: auto; }
svg text { font: 12px system-ui, sans-serif; fill: #1a1a1a; }
svg .tick, svg .axis { fill: #555; font-size: 11px; } svg .small { font-size: 9.5px; }
svg .missing { fill: #b00020; font-size: 10.5px; }
table { border-collapse: collapse; font-size: 13px; margin: 8px 0 20px; }
th, td { padding: 3px 9px; border-bottom: 1px solid #e4e4e4; text-align: right; }
th:first-child, td:first-child { text-align: left; }
pre { font-size: 12px; overflow-x: auto; background: #f7f7f7; padding: 10px; }
.missing { color: #b00020; }
"""


def _rows(pairs):
    return "<table>" + "".join(f"<tr><td>{html.escape(name)}</td><td style='text-align:left'>"
                               f"{html.escape(str(value))}</td></tr>"
                               for name, value in pairs) + "</table>"


def _about(document):
    host = document["host"]
    pairs = [("measured", f"{document['when']}{', the quick way' if document['quick'] else ''}"),
             ("this project", document["commit"])]
    pairs += [(name, version) for name, version in document["versions"].items()]
    pairs.append(("host", f"{host['cpu']}, {host['cpus']} CPUs, Linux {host['kernel']}, load "
                          f"{host['load']} at the start"))
    for boot in document["boots"]:
        pairs.append((f"boot {boot['name']}", f"{boot['text']}; kernel {boot['kernel']}; took {boot['seconds']} s"))
    return _rows(pairs) + _rows(plan.TARGETS.items())


def _speed(document):
    parts = []
    for boot in document["boots"]:
        mine = [r for r in document["results"] if r["boot"] == boot["name"]]
        if len({r["procs"] for r in mine}) > 1:
            parts.append(f"<h2>Scaling: {html.escape(boot['text'])}</h2>")
            parts.append(plots.scaling(mine, "Work done by several processes"))
            continue
        modes = list(dict.fromkeys(r["mode"] for r in mine if r["mode"])) or [None]
        for group in dict.fromkeys(r["group"] for r in mine):
            parts.append(f"<h2>{html.escape(GROUPS.get(group, group))}</h2>")
            for mode in modes:
                those = [r for r in mine if r["group"] == group and r["mode"] in (mode, None)]
                parts.append(plots.dots(those, f"{GROUPS.get(group, group)}, cache={mode}, "
                                               f"{boot['text']}"))
    return "".join(parts)


def _costs(document):
    if not document["costs"]:
        return ""
    parts = ["<h2>What an operation costs</h2>"]
    for caption, metrics in SPENT:
        parts.append(plots.spending(document["costs"], metrics, caption))
    return "".join(parts)


def _missing(document):
    lacks = list(results.missing(document))
    never = [one for one in document["costs"] if costs.COPIES in one["missing"].values()]
    parts = ["<h2>Missing</h2>"]
    if lacks:
        parts.append("<ul class='missing'>" + "".join(
            f"<li>{html.escape(name)}: {html.escape(why)}</li>" for name, why in lacks) + "</ul>")
    else:
        parts.append("<p>Nothing that was to be measured.</p>")
    if never:
        targets = ", ".join(dict.fromkeys(one["target"] for one in never))
        parts.append(f"<p>Bytes copied, for {html.escape(targets)}: "
                     f"{html.escape(costs.COPIES)}.</p>")
    return "".join(parts)


def make(document):
    """The page of a result."""
    tables = html.escape("\n".join(table.lines(document)))
    return ("<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'>"
            "<title>Directories between Xen domains: measured</title>"
            f"<style>{STYLE}</style></head><body>"
            "<h1>Directories between Xen domains: measured</h1>"
            "<p>Points are medians, bars the range over rounds. Time counted in instructions is "
            "4 ns for each, of all domains together and of Xen: it shows work saved, not "
            "parallelism.</p>"
            + _about(document) + _speed(document) + _costs(document) + _missing(document)
            + f"<h2>Tables</h2><pre>{tables}</pre></body></html>\n")
