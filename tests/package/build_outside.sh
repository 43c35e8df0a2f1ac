#!/usr/bin/env bash
# Builds and runs the project in outside/, as somebody does who uses Holler.
#
#   build_outside.sh WAY SOURCE BUILD [CMAKE_ARG...]
#
#   WAY      find_package      from an installed tree alone: nothing of SOURCE or BUILD is used
#            add_subdirectory  from SOURCE
#            FetchContent      from SOURCE
#   SOURCE   Holler's source tree
#   BUILD    Holler's build tree, built with HOLLER_INSTALL
set -euo pipefail

if (($# < 3)); then
  echo "usage: ${0##*/} find_package|add_subdirectory|FetchContent SOURCE BUILD [CMAKE_ARG...]" >&2
  exit 2
fi
way=$1
source=$(realpath "$2")
build=$(realpath "$3")
cmake_args=("${@:4}")

work=$(mktemp -d "${TMPDIR:-/tmp}/holler_package.XXXXXX")
trap 'rm -rf "$work"' EXIT
cp -R "$(dirname "${BASH_SOURCE[0]}")/outside" "$work/project"

# The temporary folder's name is new each time; compiler caches need not know it.
export CCACHE_BASEDIR=$work

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

# Fails if a file below $1 names a path in the tree $2. Compiled files may: debug information does.
expect_no_path_of() {
  local tree found
  tree=$(sed 's/[][\.*^$+?(){}|/]/\\&/g' <<<"$2")
  # Neither "/usr/include/holler" nor "/holler_old" is a path in "/holler".
  if found=$(LC_ALL=C grep -rlaE --exclude='*.o' --exclude='*.a' --exclude='*.so*' --exclude=outside --exclude=outside_watcher \
    "(^|[^A-Za-z0-9_./}-]|-I|-L)$tree(/|[^A-Za-z0-9_.-]|\$)" "$1"); then
    fail "these files name a path in $2:"$'\n'"$found"
  fi
}

case $way in
  find_package)
    cmake --install "$build" --prefix "$work/built_for" >/dev/null
    # It must work wherever it is moved to.
    mv "$work/built_for" "$work/installed"
    [[ -f $work/installed/share/holler/idl/system/load.fbs ]] || fail "no schemas of system topics"
    installed_files=$(find "$work/installed" | sort)
    cmake_args+=("-DCMAKE_PREFIX_PATH=$work/installed")
    ;;
  add_subdirectory) cmake_args+=("-DHOLLER_SOURCE=$source") ;;
  FetchContent) cmake_args+=("-DHOLLER_SOURCE=$source" -DHOLLER_FETCH=ON) ;;
  *) fail "unknown way \"$way\"; it is find_package, add_subdirectory or FetchContent" ;;
esac

cmake -S "$work/project" -B "$work/build" "${cmake_args[@]}"
cmake --build "$work/build" --parallel 2

# Nobody else's samples: nodes of different domains never meet.
export HOLLER_DOMAIN=$(($$ % 5000))
"$work/build/outside"
"$work/build/outside_watcher"

if [[ $way == find_package ]]; then
  # What did not change is not generated again.
  again=$(cmake --build "$work/build" --parallel 2)
  if grep -q 'Generating topics' <<<"$again"; then
    fail "a second build generated again:"$'\n'"$again"
  fi

  for tree in "$source" "$build" "$work/built_for"; do
    expect_no_path_of "$work/installed" "$tree"
    expect_no_path_of "$work/build" "$tree"
  done
  [[ $(find "$work/installed" | sort) == "$installed_files" ]] ||
    fail "the build wrote into the installed tree"

  cmake -S "$work/project" -B "$work/static" "${cmake_args[@]}" -DHOLLER_LINK_STATICALLY=ON
  cmake --build "$work/static" --parallel 2 --target outside
  "$work/static/outside"
  if shared=$(readelf -d "$work/static/outside" | grep -E 'NEEDED.*(libabsl|libstdc|libgcc)'); then
    fail "linked statically, and yet it needs"$'\n'"$shared"
  fi
fi
