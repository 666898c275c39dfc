#!/bin/sh
# Called by make in the build folder: conf/assets.sh SOURCE
# Makes data/ (what the programs and nginx read, and what `make install` installs) and assets.h.
#
#   data/views/             the templates
#   data/static/VERSION/    scripts, styles, pictures, and the phoenix client from npm
#
# VERSION comes from names and contents of all of it, so that a name that was served once never means something else.
set -eu
source=$1
phoenix=$source/static/vendor/phoenix.mjs # in a release; in a checkout npm brings it
npm=$source/node_modules/phoenix/priv/static/phoenix.mjs

if [ ! -f "$phoenix" ]; then
    phoenix=$npm
    [ -f "$npm" ] || (cd "$source" && echo 'npm ci: the phoenix client' && npm ci --omit=dev >/dev/null) || {
        echo "conf/assets.sh: $npm is missing and npm could not bring it" >&2
        exit 1
    }
fi

new=data.new
rm -rf "$new"
mkdir -p "$new/views" "$new/static/vendor"
[ ! -d "$source/views" ] || cp -R "$source/views/." "$new/views"
[ ! -d "$source/static" ] || cp -R "$source/static/." "$new/static"
cp "$phoenix" "$new/static/vendor/phoenix.mjs"
chmod -R u+w,a+rX "$new"

version=$(cd "$new/static" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c1-12)
mkdir -p data/static
[ -d "data/static/$version" ] || mv "$new/static" "data/static/$version"
for old in data/static/*; do
    [ "$old" = "data/static/$version" ] || rm -rf "$old"
done
# A site may be reading them: touched only when they change.
diff -r "$new/views" data/views >/dev/null 2>&1 || {
    rm -rf data/views
    mv "$new/views" data/views
}
rm -rf "$new"

# Written only when it changes: nothing is compiled anew for nothing.
printf '/* Made by conf/assets.sh. */\n#define ASSETS_VERSION "%s"\n' "$version" >assets.h.new
if cmp -s assets.h.new assets.h; then rm assets.h.new; else mv assets.h.new assets.h; fi
