"""`stylealign completion`: the script by which a shell completes verbs, flags and their choices; it runs no Python."""

import argparse
from collections.abc import Iterator
from string import Template

from stylealign.cli.verbs import VERBS

SHELLS = ("bash", "zsh")

_SCRIPT = Template("""\
# Completion of stylealign. bash: save it as ~/.local/share/bash-completion/completions/stylealign.
# zsh: save it where you like and `source` it in ~/.zshrc.
_stylealign_commands() {
    case "$$1" in
$commands
    esac
}
_stylealign_flags() {
    case "$$1" in
$flags
    esac
}
_stylealign_choices() {
    case "$$1" in
$choices
    esac
}
_stylealign() {
    local at place="" words current="$${COMP_WORDS[COMP_CWORD]}" before="$${COMP_WORDS[COMP_CWORD-1]}"
    for ((at = 1; at < COMP_CWORD; at++)); do
        if ((at == 1)) && [[ $${COMP_WORDS[1]} == help ]]; then continue; fi
        case " $$(_stylealign_commands "$$place") " in
            *" $${COMP_WORDS[at]} "*) place="$${place:+$$place }$${COMP_WORDS[at]}" ;;
            *) break ;;
        esac
    done
    words="$$(_stylealign_choices "$$place $$before")"
    if [[ -z $$words && $$current == -* ]]; then words="$$(_stylealign_flags "$$place")"; fi
    if [[ -z $$words && $$at -eq COMP_CWORD ]]; then words="$$(_stylealign_commands "$$place")"; fi
    COMPREPLY=($$(compgen -W "$$words" -- "$$current"))
}
complete -o default -F _stylealign stylealign
""")
_ZSH = "autoload -U +X bashcompinit && bashcompinit\n"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the shell."""
    parser.add_argument("shell", choices=SHELLS, help="the shell that is to complete")


def run(arguments: argparse.Namespace) -> None:
    """Print the script."""
    from stylealign.cli.main import parser  # which imports this module when its verb runs

    print((_ZSH if arguments.shell == "zsh" else "") + script(parser(VERBS)), end="")


def script(parser: argparse.ArgumentParser) -> str:
    """Return the script for a parser with the flags of all its verbs."""
    commands, flags, choices = [], [], []
    for place, command in _commands(parser):
        subs = [name for name, _ in subcommands(command)]
        places = [action for action in command._actions if not action.option_strings]
        words = subs or [word for action in places for word in choices_of(action)]
        commands += [_case(place, words if place else [*words, "help"])] if words else []
        options = [action for action in command._actions if action.option_strings]
        flags.append(_case(place, [name for action in options for name in action.option_strings if name[:2] == "--"]))
        for action in options:
            choices += [
                _case(f"{place} {name}", words) for name in action.option_strings if (words := choices_of(action))
            ]
    texts = {"commands": commands, "flags": flags, "choices": choices}
    return _SCRIPT.substitute({name: "\n".join(lines) for name, lines in texts.items()})


def subcommands(command: argparse.ArgumentParser) -> list[tuple[str, argparse.ArgumentParser]]:
    """Return the sub-commands of a command by name, aliases too."""
    groups = [action for action in command._actions if isinstance(action, argparse._SubParsersAction)]
    return [pair for group in groups for pair in group.choices.items()]


def _commands(command: argparse.ArgumentParser, place: str = "") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield every command with the words that lead to it."""
    yield place, command
    for name, sub in subcommands(command):
        yield from _commands(sub, f"{place} {name}".strip())


def choices_of(action: argparse.Action) -> list[str]:
    """Return the values that an argument may have; [] where it may have any."""
    if action.choices is not None:
        return [str(choice) for choice in action.choices]
    braced = action.metavar if isinstance(action.metavar, str) else ""
    return braced[1:-1].split(",") if braced.startswith("{") and braced.endswith("}") else []


def _case(place: str, words: list[str]) -> str:
    return f"""        "{place}") echo "{" ".join(words)}" ;;"""
