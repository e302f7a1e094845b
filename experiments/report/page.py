# Copyright 2026 The acme_metamimic Authors.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""The page itself: HTML that needs nothing but itself."""

import html
from typing import Iterable, Mapping, NamedTuple, Sequence

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 75rem;
  padding: 1rem; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2.5rem; }
.wide { overflow-x: auto; background: #fff; color: #111; border-radius: 6px; }
.wide svg { min-width: 40rem; width: 100%; height: auto; display: block; }
.small { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(min(24rem, 100%), 1fr)); }
.small svg { width: 100%; height: auto; background: #fff; }
table { border-collapse: collapse; font-size: .9rem; background: #fff;
  color: #111; }
th, td { border-bottom: 1px solid #ccc; padding: .3rem .7rem; text-align: left;
  white-space: nowrap; }
.films { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(min(20rem, 100%), 1fr)); }
figure { margin: 0; } video { width: 100%; border-radius: 6px; }
figcaption { font-size: .85rem; }
details { margin-top: 1rem; } pre { overflow-x: auto; font-size: .8rem; }
"""


class Film(NamedTuple):
  """A film with what is to be said of it.

  Attributes:
    url: data URL of the film.
    caption: text below it.
  """

  url: str
  caption: str


class Section(NamedTuple):
  """What a page says of one run.

  Attributes:
    name: name of the run.
    lines: what it came to, a sentence each.
    tables: its tables, as rows of cells, the first row being the titles.
    scatter: returns of demonstrations and rollouts, and how long they are tracked,
      as SVG; empty for none.
    failures: cells of the table of rollouts, failures first.
    films: films of rollouts.
    settings: the run's experiment, as text.
    provenance: command, code, libraries and machine that made it, as text; empty
      if they are not known.
  """

  name: str
  lines: Sequence[str]
  tables: Sequence[Sequence[Sequence[str]]]
  scatter: str
  failures: Sequence[Sequence[str]]
  films: Sequence[Film]
  settings: str
  provenance: str = ''


def render(title: str, curves: str, sections: Iterable[Section]) -> str:
  """Returns the page.

  Args:
    title: its title.
    curves: curves of all runs, as SVG.
    sections: what is said of each run.
  """
  body = ''.join(_section(section) for section in sections)
  return (
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    f'<title>{html.escape(title)}</title><style>{_STYLE}</style></head>\n'
    f'<body><h1>{html.escape(title)}</h1>\n'
    f'<div class="wide">{curves}</div>\n{body}</body></html>\n'
  )


def table(cells: Sequence[Sequence[str]]) -> str:
  """Returns a table.

  Args:
    cells: rows of cells; the first row has the titles.
  """
  if not cells:
    return ''
  head, *rows = cells

  def row(values: Sequence[str], tag: str) -> str:
    return (
      '<tr>'
      + ''.join(f'<{tag}>{html.escape(value)}</{tag}>' for value in values)
      + '</tr>'
    )

  return (
    f'<div class="wide"><table><thead>{row(head, "th")}</thead><tbody>'
    + ''.join(row(values, 'td') for values in rows)
    + '</tbody></table></div>\n'
  )


def _section(section: Section) -> str:
  parts = [f'<h2>{html.escape(section.name)}</h2>\n']
  parts += [f'<p>{html.escape(line)}</p>\n' for line in section.lines]
  parts += [table(cells) for cells in section.tables]
  if section.scatter:
    parts.append(
      '<h3>Each unseen demonstration, and what the policy made of it</h3>\n'
      f'<div class="small">{section.scatter}</div>\n'
    )
  if section.films:
    parts.append(
      '<h3>Demonstration, rollout and their difference; failures first</h3>\n'
      '<div class="films">'
      + ''.join(_film(film) for film in section.films)
      + '</div>\n'
    )
  parts.append(_folded('All rollouts, failures first', table(section.failures)))
  for title, text in (
    ('Settings', section.settings),
    ('Provenance', section.provenance),
  ):
    if text:
      parts.append(_folded(title, f'<pre>{html.escape(text)}</pre>'))
  return ''.join(parts)


def _film(film: Film) -> str:
  return (
    f'<figure><video src="{film.url}" controls muted loop playsinline '
    'preload="metadata"></video>'
    f'<figcaption>{html.escape(film.caption)}</figcaption></figure>'
  )


def _folded(title: str, content: str) -> str:
  if not content:
    return ''
  return (
    f'<details><summary>{html.escape(title)}</summary>{content}</details>\n'
  )


def markdown_cells(text: str) -> Sequence[Sequence[str]]:
  """Returns the cells of a Markdown table, the titles first.

  Args:
    text: text of the table.
  """
  rows = [
    [cell.strip() for cell in line.strip().strip('|').split('|')]
    for line in text.splitlines()
    if line.strip().startswith('|')
  ]
  return [row for row in rows if not all(set(cell) <= {'-'} for cell in row)]


def describe(values: Mapping[str, object]) -> str:
  """Returns settings as lines of text.

  Args:
    values: values by path.
  """
  return '\n'.join(f'{path} = {value}' for path, value in values.items())
