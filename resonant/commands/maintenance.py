"""Close the site to visitors, and open it again: files that nginx looks at on every request."""

import shlex

from resonant.commands.shell import Command, script
from resonant.paths import MAINTENANCE


def question() -> str:
    """A line of shell, for resonant.facts too: prints nothing while the site is open, {} when somebody closed it by hand."""
    on = shlex.quote(f"{MAINTENANCE}/on")
    return f"if [ -s {on} ]; then cat {on}; elif [ -e {on} ]; then echo '{{}}'; fi"


def read() -> Command:
    return script(question())


def switch_on(name: str, page: str, answer: str, notice: str) -> Command:
    """The page first and the switch last, so that nobody sees half of it; a page that is shown already is replaced at once."""
    return script(
        "umask 022",
        'new="$1/pages/$2"',
        'mkdir -p "$new"',
        'printf %s "$3" > "$new/page.html"',
        'printf %s "$4" > "$new/page.json"',
        'ln -sfn "pages/$2" "$1/page.next"',
        'mv -T "$1/page.next" "$1/page"',
        'printf %s "$5" > "$1/on.next"',
        'mv -T "$1/on.next" "$1/on"',
        'find "$1/pages" -mindepth 1 -maxdepth 1 ! -name "$2" -exec rm -rf {} +',
        arguments=[MAINTENANCE, name, page, answer, notice],
    )


def switch_off() -> Command:
    """The page stays, for those who are asking for it at this moment."""
    return script('rm -f "$1/on"', arguments=[MAINTENANCE])
