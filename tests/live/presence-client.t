#!/bin/sh
exec node --test-reporter=tap "$(dirname "$0")/presence-client.mjs"
