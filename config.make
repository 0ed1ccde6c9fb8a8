cat << END >> $NGX_MAKEFILE

$NGX_OBJS/adm/ngx_http_adm_assets.h: \\
		$ngx_addon_dir/web/embed \\
		$ngx_addon_dir/web/refusal.html
	mkdir -p $NGX_OBJS/adm
	$ngx_addon_dir/web/embed ngx_http_adm_refusal_html \\
		$ngx_addon_dir/web/refusal.html > \$@

END
