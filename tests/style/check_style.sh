#!/usr/bin/env bash
# Checks the form of the sources: C++ against .clang-format, shell scripts with shellcheck.
#
#   check_style.sh
#
# Exit status: 0 all is well; 1 something is not; 77 a program for it is missing (skipped).
set -euo pipefail

if (($# > 0)); then
  echo "usage: ${0##*/}" >&2
  exit 2
fi
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# Another version formats differently.
clang_format=$(command -v clang-format-14 || command -v clang-format || true)
if [[ -z $clang_format || $("$clang_format" --version) != *" version 14."* ]]; then
  echo "Skipped: there is no clang-format 14 (apt install clang-format-14)"
  exit 77
fi
if ! command -v shellcheck >/dev/null; then
  echo "Skipped: there is no shellcheck (apt install shellcheck)"
  exit 77
fi

folders=()
for folder in bench examples runtime tests tools; do
  [[ ! -d $folder ]] || folders+=("$folder")
done
readarray -d '' sources < <(find "${folders[@]}" \( -name '*.h' -o -name '*.cc' \) -print0 | sort -z)
readarray -d '' scripts < <(
  grep -rlZ -m1 -E '^#!.*\b(ba)?sh$' .ci scripts "${folders[@]}" | sort -z)

status=0
echo "clang-format: ${#sources[@]} files"
"$clang_format" --dry-run -Werror "${sources[@]}" || status=1
echo "shellcheck: ${#scripts[@]} files"
shellcheck "${scripts[@]}" || status=1
exit $status
