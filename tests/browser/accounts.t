#!/bin/sh
exec "$(dirname "$0")/../support/node-test" "$(dirname "$0")/accounts.mjs"
