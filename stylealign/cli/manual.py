"""The manual's pages of the verbs, made from their flags: what `--help` says, as Markdown."""

import argparse
from collections.abc import Iterator

from stylealign.cli.completion import choices_of
from stylealign.cli.examples import EXAMPLES
from stylealign.cli.main import parser
from stylealign.cli.verbs import GROUPS, VERBS


def verb_pages() -> dict[str, str]:
    """Return the Markdown of each verb's page, by verb."""
    subs = _subcommands(parser())
    return {verb: _page(verb, subs[verb]) for verb in VERBS}


def verb_index() -> str:
    """Return the Markdown of the list of verbs."""
    lines = [
        "# What do you want to do?",
        "",
        "Every job of the workflow is one of these commands, and each works by hand.",
    ]
    for group, verbs in GROUPS.items():
        lines += ["", f"## {group.capitalize()}", "", "| verb | |", "| --- | --- |"]
        lines += [f"| [`{verb}`]({verb}.md) | {_cell(VERBS[verb])} |" for verb in verbs]
    return "\n".join(lines) + "\n"


def _page(verb: str, command: argparse.ArgumentParser) -> str:
    parts = [f"# stylealign {verb}", _sentence(command.description or VERBS[verb])]
    parts += ["```sh\n" + "\n".join(EXAMPLES[verb]) + "\n```"] if verb in EXAMPLES else []
    parts += _flags(command)
    for name, sub in _subcommands(command).items():
        parts += [f"## {verb} {name}", _sentence(sub.description or _help_of(command, name))]
        parts += [*_flags(sub), *_epilog(sub)]
    return "\n\n".join(filter(None, [*parts, *_epilog(command)])) + "\n"


def _flags(command: argparse.ArgumentParser) -> Iterator[str]:
    """Yield a table for each group of flags that is not empty."""
    titles = {"positional arguments": "arguments", "options": "flags"}
    for group in command._action_groups:
        rows = [
            f"| {_name(action)} | {_cell(_text(command, action))} |"
            for action in group._group_actions
            if not isinstance(action, argparse._SubParsersAction | argparse._HelpAction)
        ]
        if rows:
            title = titles.get(group.title or "", group.title or "")
            yield "\n".join([f"| {title} | |", "| --- | --- |", *rows])


def _name(action: argparse.Action) -> str:
    """Return the flag or argument with what stands for its value; choices stand in the text."""
    names = [name for name in action.option_strings if name.startswith("--")] or action.option_strings
    if isinstance(action, argparse.BooleanOptionalAction) or (names and action.nargs == 0):
        return ", ".join(f"`{name}`" for name in names)
    metavar = action.metavar if isinstance(action.metavar, str) else " ".join(action.metavar or ())
    value = "" if choices_of(action) and names else metavar or action.dest.upper()
    return f"`{' '.join(filter(None, [*names[-1:], value]))}`"


def _text(command: argparse.ArgumentParser, action: argparse.Action) -> str:
    text = (action.help or "") % {**vars(action), "prog": command.prog}
    choices = choices_of(action)
    needed = "**Needed.** " if action.required and action.option_strings else ""
    return needed + text + (f"{'' if text.endswith('.') else '.'} One of {', '.join(choices)}." if choices else "")


def _help_of(command: argparse.ArgumentParser, name: str) -> str:
    for action in command._actions:
        if isinstance(action, argparse._SubParsersAction):
            for choice in action._choices_actions:
                if choice.dest == name:
                    return choice.help or ""
    return ""


def _subcommands(command: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the sub-commands by their first names; aliases are left out."""
    found: dict[str, argparse.ArgumentParser] = {}
    for action in command._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, sub in action.choices.items():
                if sub not in found.values():
                    found[name] = sub
    return found


def _epilog(command: argparse.ArgumentParser) -> list[str]:
    return [f"```text\n{command.epilog}\n```"] if command.epilog else []


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "." if text else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
