# The api nodes, as docker-compose.yml names them. One more is one more here, and in vcl_init.

probe ready {
	.url = "/readyz";
	.interval = 1s;
	.timeout = 1s;
	.window = 3;
	.threshold = 2;
	.initial = 2;
}
backend api_1 {
	.host = "api-1";
	.port = "8080";
	.probe = ready;
	.connect_timeout = 1s;
}
backend api_2 {
	.host = "api-2";
	.port = "8080";
	.probe = ready;
	.connect_timeout = 1s;
}
