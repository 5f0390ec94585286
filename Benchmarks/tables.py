"""Figures as readable tables, with the design's targets."""

from dataclasses import dataclass


def table(heads, lines):
    """Aligns the first column to the left and the others to the right."""
    cells = [heads, *lines]
    widths = [max(len(line[column]) for line in cells) for column in range(len(heads))]

    def render(line):
        rest = (cell.rjust(width) for cell, width in zip(line[1:], widths[1:]))
        return "  ".join((line[0].ljust(widths[0]), *rest)).rstrip()

    return "\n".join([render(heads), "  ".join("-" * width for width in widths), *map(render, lines)])


def shown(value, form):
    return "–" if value is None else form.format(value)


@dataclass
class Target:
    """The target of a figure. `form` shows a measured value with its unit."""

    figure: str
    sign: str
    bound: float
    measured: float | None
    form: str

    @property
    def is_met(self):
        if self.measured is None:
            return False
        return self.measured >= self.bound if self.sign == "≥" else self.measured <= self.bound


def at_least(figure, bound, measured, form):
    return Target(figure, "≥", bound, measured, form)


def at_most(figure, bound, measured, form):
    return Target(figure, "≤", bound, measured, form)


def target_table(targets):
    lines = []
    for target in targets:
        unit = target.form.rpartition("}")[2]
        met = "not measured" if target.measured is None else "yes" if target.is_met else "no"
        lines.append([target.figure, f"{target.sign} {target.bound:g}{unit}", shown(target.measured, target.form), met])
    return table(["To reach", "target", "measured", "met"], lines)


def targets_as_json(targets):
    return [{"figure": target.figure, "target": f"{target.sign} {target.bound:g}", "measured": target.measured,
             "met": target.is_met} for target in targets]
