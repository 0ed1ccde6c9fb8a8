cat << END >> $NGX_MAKEFILE

$NGX_OBJS/adm/ngx_http_adm_assets.h: \\
		$ngx_addon_dir/web/embed \\
		$ngx_addon_dir/web/refusal.html
	mkdir -p $NGX_OBJS/adm
	$ngx_addon_dir/web/embed ngx_http_adm_refusal_html \\
		$ngx_addon_dir/web/refusal.html > \$@

END

adm_scripts=
for adm_script in probe rate rate_back share pulse setting \
    line_join line_claim line_tick checkout settle stock inventory hold gate
do
    adm_scripts="$adm_scripts $ngx_addon_dir/src/store/lua/$adm_script.lua"
done

cat << END >> $NGX_MAKEFILE
$NGX_OBJS/adm/ngx_adm_scripts.h: \\
		$ngx_addon_dir/src/store/lua/embed \\
		$ngx_addon_dir/src/store/lua/parts/hold.lua \\
		$ngx_addon_dir/src/store/lua/parts/rate_charge.lua \\
		$ngx_addon_dir/src/store/lua/parts/rate_look.lua \\
		$adm_scripts
	mkdir -p $NGX_OBJS/adm
	$ngx_addon_dir/src/store/lua/embed $adm_scripts > \$@.new
	mv \$@.new \$@

END

cat << END >> $NGX_MAKEFILE
$NGX_OBJS/adm/ngx_adm_script_library.h: \\
		$ngx_addon_dir/src/store/lua/embed \\
		$ngx_addon_dir/src/policy/lua/library.lua
	mkdir -p $NGX_OBJS/adm
	$ngx_addon_dir/src/store/lua/embed \\
		$ngx_addon_dir/src/policy/lua/library.lua > \$@.new
	mv \$@.new \$@

END


# The dashboard embeds a package of npm.  ADM_NODE_MODULES, when set as this
# is configured, is a directory that has it; else it is fetched, to objs/adm,
# as web/package-lock.json pins it.

if [ -n "$ADM_NODE_MODULES" ]; then
    adm_modules=$ADM_NODE_MODULES
    adm_fetched=

else
    adm_modules=$NGX_OBJS/adm/web/node_modules
    adm_fetched=$NGX_OBJS/adm/web/fetched

    cat << END >> $NGX_MAKEFILE

$adm_fetched: \\
		$ngx_addon_dir/web/package.json \\
		$ngx_addon_dir/web/package-lock.json
	mkdir -p $NGX_OBJS/adm/web
	cp $ngx_addon_dir/web/package.json \\
		$ngx_addon_dir/web/package-lock.json $NGX_OBJS/adm/web
	cd $NGX_OBJS/adm/web \\
		&& npm ci --ignore-scripts --no-audit --no-fund
	touch \$@

END
fi

cat << END >> $NGX_MAKEFILE

$NGX_OBJS/adm/ngx_http_adm_dashboard.h: \\
		$adm_fetched \\
		$ngx_addon_dir/web/bundle \\
		`echo $ngx_addon_dir/web/dashboard/*`
	mkdir -p $NGX_OBJS/adm
	$ngx_addon_dir/web/bundle dashboard $adm_modules > \$@.new
	mv \$@.new \$@

$NGX_OBJS/adm/ngx_http_adm_wait.h: \\
		$ngx_addon_dir/web/bundle \\
		`echo $ngx_addon_dir/web/wait/*`
	mkdir -p $NGX_OBJS/adm
	$ngx_addon_dir/web/bundle wait > \$@.new
	mv \$@.new \$@

END
