#!/usr/bin/env bash
# What the other stages need from Debian. Does nothing when it is all there; tolerates a machine where it may not install.
. "$(dirname "$0")/common.sh"
packages=(clang libclang-rt-14-dev clang-format clang-tidy cmake ninja-build g++ make python3 binutils g++-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static)
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  say "everything is installed: ${packages[*]}"
  exit 0
fi
say "installing ${missing[*]}"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { say "neither root nor sudo; the stages that need these will fail"; exit 0; }
  as_root=(sudo -n)
fi
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}"
