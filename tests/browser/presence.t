#!/bin/sh
here=$(realpath "$(dirname "$0")")
exec node --test-reporter="$here/../support/tap.mjs" "$here/presence.mjs"
