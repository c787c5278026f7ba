"""Run `snakemake --lint` and fail on anything but what is waived here, with its reason."""

import re
import subprocess
import sys

WAIVED = {
    "Specify a conda environment or container for each rule.": (
        "every rule runs this package itself, which the environment that Snakemake runs in holds (requirements.lock)"
    ),
}


def main() -> int:
    """Print the lints that are not waived; return 1 if there are any, or if Snakemake failed to look."""
    command = ["snakemake", "--lint", "text", "--workflow-profile", "none"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    titles = re.findall(r"^    \* (.+):$", result.stderr, flags=re.MULTILINE)
    if (result.returncode != 0) != bool(titles):
        print(result.stderr, file=sys.stderr)
        return result.returncode or 1
    serious = [title for title in titles if title not in WAIVED]
    if serious:
        print(result.stderr, file=sys.stderr)
    print(f"snakemake --lint: {len(serious)} lints, {len(titles) - len(serious)} waived")
    return 1 if serious else 0


if __name__ == "__main__":
    sys.exit(main())
