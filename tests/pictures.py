"""Reading pictures: what stands in an SVG, and where."""

from __future__ import annotations

from xml.etree import ElementTree

from microgradcheck.draw import Picture

SVG = "{http://www.w3.org/2000/svg}"


def parse(picture: Picture) -> ElementTree.Element:
    return ElementTree.fromstring(picture.svg)


def groups(picture: Picture) -> dict[str, ElementTree.Element]:
    root = parse(picture)
    return {g.attrib["id"].removeprefix(root.attrib["id"] + "-"): g for g in root.iter(SVG + "g")}


def lines(group: ElementTree.Element) -> list[str]:
    return ["".join(text.itertext()) for text in group.iter(SVG + "text")]


def written(picture: Picture) -> dict[str, list[str]]:
    return {name: lines(group) for name, group in groups(picture).items()}


def tooltip(picture: Picture, name: str) -> str:
    return groups(picture)[name].findtext(SVG + "title") or ""


def box(group: ElementTree.Element) -> tuple[float, float, float, float]:
    rects = group.findall(SVG + "rect")
    if not rects:
        texts = list(group.iter(SVG + "text"))
        left = min(float(text.attrib["x"]) for text in texts)
        right = max(float(t.attrib["x"]) + float(t.attrib["textLength"]) for t in texts)
        top = min(float(t.attrib["y"]) - 0.75 * float(t.attrib["font-size"]) for t in texts)
        return left, top, right, max(float(text.attrib["y"]) for text in texts)
    x, y, width, height = (float(rects[-1].attrib[key]) for key in ("x", "y", "width", "height"))
    return x, y, x + width, y + height


def center(group: ElementTree.Element) -> tuple[float, float]:
    left, top, right, bottom = box(group)
    return (left + right) / 2, (top + bottom) / 2


def curves(picture: Picture) -> list[ElementTree.Element]:
    return [path for path in parse(picture).iter(SVG + "path") if path.attrib["class"] == "curve"]
