// Package echo is OpenResty's echo module: content made by the configuration
// itself, one command after the other, with sleeps and subrequests between.
//
// The commands of a location are a program. The content handler runs it from
// where it stands until a command waits (a sleep, a subrequest, the request
// body); what was waited for goes on with the next one:
//
//	echo a;             output "a\n"
//	echo_sleep 1;       wait: the timer resumes
//	echo_location /b;   wait: the end of the subrequest resumes
//	echo c;             output "c\n", then the end of the body
//
// echo_before_body and echo_after_body are filters: they put text around what
// any handler of the location answers.
//
// Where weir departs: echo_blocking_sleep sleeps as echo_sleep does, since
// nothing may block a worker, and echo_abort_parent, which never worked, has no
// effect.
//
// The package knows the core only and runs on the request's worker. It owns the
// run structures of a worker, in a free list.
package echo
