vcl 4.1;

# The caching edge before the api nodes, Varnish 7. It streams while it fills: any number of listeners of a growing segment, or of a blocking
# playlist, cost the origin one request. Each of them holds a worker thread here (thread_pool_max).
# Varnish adds the address of who asked to X-Forwarded-For by itself; the api nodes believe it where ODEON_TRUSTED_PROXIES names this machine.

import directors;
include "./backends.vcl";

sub vcl_init {
	new apis = directors.round_robin();
	apis.add_backend(api_1);
	apis.add_backend(api_2);
}

sub vcl_recv {
	set req.backend_hint = apis.backend();
	if (req.http.upgrade ~ "(?i)websocket") {
		return (pipe);
	}
	if (req.url ~ "^/metrics") {
		return (synth(404));
	}
	if (req.method != "GET" && req.method != "HEAD") {
		return (pass);
	}
	# What is heard is the same for everyone.
	if (req.url ~ "^/(live|replay|faces|assets)/") {
		unset req.http.cookie;
		unset req.http.authorization;
		return (hash);
	}
	if (req.url ~ "^/api/spaces(/[a-z0-9]+)?(\?|$)" && !req.http.authorization) {
		unset req.http.cookie;
		return (hash);
	}
	return (pass);
}

sub vcl_pipe {
	set bereq.http.upgrade = req.http.upgrade;
	set bereq.http.connection = req.http.connection;
}

sub vcl_backend_fetch {
	if (bereq.retries > 0) {
		set bereq.backend = apis.backend();
	}
	# The origin itself holds a request for six seconds at most, and breaks off a segment that does not grow.
	set bereq.first_byte_timeout = 15s;
	set bereq.between_bytes_timeout = 15s;
}

sub vcl_backend_response {
	if (bereq.uncacheable) {
		return (deliver);
	}
	# Live: what is old is wrong.
	set beresp.grace = 0s;
	set beresp.keep = 0s;
	if (beresp.status >= 400) {
		# Long enough that all who wait for one answer get it; the built-in rule would let them through one by one for two minutes.
		set beresp.ttl = 0.2s;
		return (deliver);
	}
	if (beresp.ttl <= 0s) {
		return (pass(1s));
	}
	return (deliver);
}

sub vcl_backend_error {
	if (bereq.retries < 2 && (bereq.method == "GET" || bereq.method == "HEAD")) {
		return (retry);
	}
	set beresp.http.retry-after = "1";
	set beresp.ttl = 0s;
	return (deliver);
}
