package http

// coreVariables are the variables of the core, with nginx's names and rules of
// caching: what can change while a request is processed is worked out at every
// use. Values point into the request's header block or its arena, so none
// allocates.
var coreVariables = []Variable{
	// Request header.
	{Name: "http_host", Get: varHeaderIn, Data: field("host"), Doc: "The Host field."},
	{Name: "http_user_agent", Get: varHeaderIn, Data: field("user-agent"), Doc: "The User-Agent field."},
	{Name: "http_referer", Get: varHeaderIn, Data: field("referer"), Doc: "The Referer field."},
	{Name: "http_via", Get: varHeaderIn, Data: field("via"), Doc: "The Via field."},
	{Name: "http_x_forwarded_for", Get: varHeaderIn, Data: field("x-forwarded-for"), Doc: "The X-Forwarded-For field."},
	{Name: "http_cookie", Get: varCookies, Data: field("cookie"), Doc: "All Cookie fields, joined by a semicolon."},
	{Name: "http_", Flags: VarPrefix, Get: varHeaderIn, Compile: compileField,
		Doc: "Any field of the request header; dashes of its name are written as underscores. Several fields are joined by a comma."},
	{Name: "cookie_", Flags: VarPrefix, Get: varCookie, Compile: compileBytes, Doc: "The cookie of that name."},
	{Name: "content_length", Get: varContentLength, Doc: "The Content-Length field, or the size of a body that was read."},
	{Name: "content_type", Get: varHeaderIn, Data: field("content-type"), Doc: "The Content-Type field."},
	{Name: "host", Get: varHost, Doc: "The host asked for, in lower case and without a port; else the server's name."},

	// Request line.
	{Name: "request", Get: varRequestLine, Doc: "The request line as received."},
	{Name: "request_method", Flags: VarNoCacheable, Get: varRequestMethod, Doc: "The method of the client's request."},
	{Name: "request_uri", Get: varRequestURI, Doc: "The target as received, with its arguments."},
	{Name: "uri", Flags: VarNoCacheable, Get: varURI, Doc: "The decoded path; it changes with rewrites and internal redirects."},
	{Name: "document_uri", Flags: VarNoCacheable, Get: varURI, Doc: "The same as $uri."},
	{Name: "args", Flags: VarChangeable | VarNoCacheable, Get: varArgs, Set: setArgs, Doc: "The query string."},
	{Name: "query_string", Flags: VarNoCacheable, Get: varArgs, Doc: "The same as $args."},
	{Name: "is_args", Flags: VarNoCacheable, Get: varIsArgs, Doc: "A question mark if there is a query string, else empty."},
	{Name: "arg_", Flags: VarPrefix | VarNoCacheable, Get: varArg, Compile: compileBytes, Doc: "The argument of that name in the query string, as sent."},
	{Name: "server_protocol", Get: varProtocol, Doc: "The protocol of the request: HTTP/1.0, HTTP/1.1, HTTP/2.0 or HTTP/3.0."},
	{Name: "scheme", Get: varScheme, Doc: "http or https."},
	{Name: "https", Get: varHTTPS, Doc: "on for connections with TLS, else empty."},
	{Name: "request_port", Get: varRequestPort, Doc: "The port the client named with the host; empty if none."},
	{Name: "is_request_port", Get: varIsRequestPort, Doc: "A colon if the client named a port, else empty."},

	// The request as it is served.
	{Name: "document_root", Flags: VarNoCacheable, Get: varDocumentRoot, Doc: "The value of root or alias."},
	{Name: "realpath_root", Flags: VarNoCacheable, Get: varRealpathRoot, Doc: "The value of root or alias with all symbolic links resolved."},
	{Name: "request_filename", Flags: VarNoCacheable, Get: varRequestFilename, Doc: "The file name that root or alias and the path make."},
	{Name: "server_name", Get: varServerName, Doc: "The first name of the server that serves the request."},
	{Name: "remote_user", Get: varRemoteUser, Doc: "The user name of Basic authentication."},
	{Name: "request_body", Get: varRequestBody, Doc: "The request body, once it was read into memory."},
	{Name: "request_body_file", Get: varRequestBodyFile, Doc: "The name of the temporary file that holds the request body."},
	{Name: "request_length", Flags: VarNoCacheable, Get: varRequestLength, Doc: "The bytes of request line, header and body received."},
	{Name: "request_time", Flags: VarNoCacheable, Get: varRequestTime, Doc: "The seconds since the first byte of the request, to the millisecond."},
	{Name: "request_id", Get: varRequestID, Doc: "32 random hexadecimal digits that identify the request."},
	{Name: "request_completion", Get: varRequestCompletion, Doc: "OK when the response was sent whole, else empty."},
	{Name: "limit_rate", Flags: VarChangeable | VarNoCacheable, Get: varLimitRate, Set: setLimitRate,
		Doc: "The rate of the response in bytes per second; setting it limits this response."},

	// Response.
	{Name: "status", Flags: VarNoCacheable, Get: varStatus, Doc: "The status of the response."},
	{Name: "bytes_sent", Get: varBytesSent, Doc: "The bytes sent to the client."},
	{Name: "body_bytes_sent", Get: varBodyBytesSent, Doc: "The bytes sent to the client without those of the response header."},
	{Name: "sent_http_content_type", Get: varSentContentType, Doc: "The Content-Type field of the response."},
	{Name: "sent_http_content_length", Get: varSentContentLength, Doc: "The Content-Length field of the response."},
	{Name: "sent_http_location", Get: varSentLocation, Doc: "The Location field of the response."},
	{Name: "sent_http_last_modified", Get: varSentLastModified, Doc: "The Last-Modified field of the response."},
	{Name: "sent_http_connection", Get: varSentConnection, Doc: "The Connection field of the response."},
	{Name: "sent_http_keep_alive", Get: varSentKeepAlive, Doc: "The Keep-Alive field of the response."},
	{Name: "sent_http_transfer_encoding", Get: varSentTransferEncoding, Doc: "The Transfer-Encoding field of the response."},
	{Name: "sent_http_", Flags: VarPrefix, Get: varHeaderOut, Compile: compileField, Doc: "Any other field of the response header."},
	{Name: "sent_trailer_", Flags: VarPrefix, Get: varTrailerOut, Compile: compileField, Doc: "A field of the response's trailer."},

	// Connection.
	{Name: "remote_addr", Get: varRemoteAddr, Doc: "The client's address."},
	{Name: "remote_port", Get: varRemotePort, Doc: "The client's port."},
	{Name: "binary_remote_addr", Get: varBinaryRemoteAddr, Doc: "The client's address in 4 or 16 bytes, for keys of zones."},
	{Name: "server_addr", Get: varServerAddr, Doc: "The address the client connected to."},
	{Name: "server_port", Get: varServerPort, Doc: "The port the client connected to."},
	{Name: "connection", Get: varConnection, Doc: "The number of the connection."},
	{Name: "connection_requests", Get: varConnectionRequests, Doc: "The number of requests on this connection, this one included."},
	{Name: "connection_time", Flags: VarNoCacheable, Get: varConnectionTime, Doc: "The age of the connection in seconds, to the millisecond."},
	{Name: "pipe", Get: varPipe, Doc: "p if the request was pipelined, else a dot."},
	{Name: "tcpinfo_rtt", Flags: VarNoCacheable, Get: varTCPInfo, Data: tcpRTT, Doc: "The round trip time of the connection in microseconds."},
	{Name: "tcpinfo_rttvar", Flags: VarNoCacheable, Get: varTCPInfo, Data: tcpRTTVar, Doc: "The variance of the round trip time."},
	{Name: "tcpinfo_snd_cwnd", Flags: VarNoCacheable, Get: varTCPInfo, Data: tcpSndCwnd, Doc: "The congestion window in segments."},
	{Name: "tcpinfo_rcv_space", Flags: VarNoCacheable, Get: varTCPInfo, Data: tcpRcvSpace, Doc: "The receive window the kernel aims at."},
	{Name: "proxy_protocol_addr", Get: varProxyAddr, Data: false, Doc: "The client's address in the PROXY protocol header."},
	{Name: "proxy_protocol_port", Get: varProxyPort, Data: false, Doc: "The client's port in the PROXY protocol header."},
	{Name: "proxy_protocol_server_addr", Get: varProxyAddr, Data: true, Doc: "The server's address in the PROXY protocol header."},
	{Name: "proxy_protocol_server_port", Get: varProxyPort, Data: true, Doc: "The server's port in the PROXY protocol header."},
	{Name: "proxy_protocol_tlv_", Flags: VarPrefix, Get: varProxyTLV, Compile: compileProxyTLV,
		Doc: "A TLV of the PROXY protocol header, by name (alpn, authority, unique_id, netns, ssl_...) or by type (0x..)."},

	// Process and time.
	{Name: "msec", Flags: VarNoCacheable, Get: varMsec, Doc: "The time in seconds since 1970, to the millisecond."},
	{Name: "time_iso8601", Flags: VarNoCacheable, Get: varTimeISO, Doc: "The local time in ISO 8601 format."},
	{Name: "time_local", Flags: VarNoCacheable, Get: varTimeLocal, Doc: "The local time in the Common Log Format."},
	{Name: "hostname", Get: varHostname, Doc: "The name of the machine."},
	{Name: "nginx_version", Get: varNginxVersion, Doc: "The version of nginx whose behaviour weir follows."},
	{Name: "pid", Get: varPid, Doc: "The number of the process."},
}
