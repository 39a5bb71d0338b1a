"""Markdown into HTML, as far as the pages use it: headings, paragraphs, lists, code, links, bold text.

A list in which every item is a bold link and a text becomes a row of cards.
"""
import html
import re

INLINE = re.compile(r"`(?P<code>[^`]+)`|\*\*(?P<bold>.+?)\*\*|\[(?P<label>[^\]]+)\]\((?P<target>[^)\s]+)\)", re.DOTALL)
CARD = re.compile(r"\[\*\*(?P<name>[^*]+)\*\*\]\((?P<target>\S+)\): (?P<text>.*)", re.DOTALL)
ITEM = re.compile(r"(?:-|\d+\.) ")


def inline(text):
    def replace(match):
        if match["code"]:
            return f"<code>{html.escape(match['code'], quote=False)}</code>"
        if match["bold"]:
            return f"<strong>{inline(match['bold'])}</strong>"
        return f'<a href="{html.escape(match["target"])}">{inline(match["label"])}</a>'

    parts, at = [], 0
    for match in INLINE.finditer(text):
        parts += [html.escape(text[at:match.start()], quote=False), replace(match)]
        at = match.end()
    return "".join(parts) + html.escape(text[at:], quote=False)


def slug(text):
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def items(lines):
    found = []
    for line in lines:
        if ITEM.match(line):
            found.append(ITEM.sub("", line, count=1))
        else:
            found[-1] += " " + line.strip()
    return found


def listing(lines):
    texts = items(lines)
    cards = [CARD.fullmatch(text) for text in texts]
    if all(cards):
        rows = [f'<li><a href="{html.escape(card["target"])}"><strong>{inline(card["name"])}</strong><span>{inline(card["text"])}</span></a></li>' for card in cards]
        return '<ul class="cards">\n' + "\n".join(rows) + "\n</ul>"
    kind = "ul" if lines[0].startswith("-") else "ol"
    return f"<{kind}>\n" + "\n".join(f"<li>{inline(text)}</li>" for text in texts) + f"\n</{kind}>"


def code(lines):
    language = lines[0].removeprefix("```").strip()
    text = html.escape("\n".join(lines[1:-1]), quote=False)
    return f'<pre tabindex="0" aria-label="Example{f" in {language}" if language else ""}"><code>{text}</code></pre>'


def heading(line):
    level = len(line) - len(line.lstrip("#"))
    text = line[level:].strip()
    return f"<h1>{inline(text)}</h1>" if level == 1 else f'<h{level} id="{slug(text)}">{inline(text)}</h{level}>'


def blocks(text):
    """The text, cut at empty lines, but not inside code."""
    block, fenced = [], False
    for line in [*text.splitlines(), ""]:
        fenced ^= line.startswith("```")
        if line.strip() or fenced:
            block.append(line)
        elif block:
            yield block
            block = []


def render(text):
    parts = []
    for lines in blocks(text):
        if lines[0].startswith("```"):
            parts.append(code(lines))
        elif lines[0].startswith("#"):
            parts.append(heading(lines[0]))
        elif ITEM.match(lines[0]):
            parts.append(listing(lines))
        else:
            parts.append(f"<p>{inline(' '.join(line.strip() for line in lines))}</p>")
    return "\n".join(parts)
