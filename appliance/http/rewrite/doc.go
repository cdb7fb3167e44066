// Package rewrite is nginx's rewrite module: set, if, break, return, rewrite,
// rewrite_log and uninitialized_variable_warn.
//
// The directives of a server or location are compiled, in the order they are
// written, into one flat program of that block. The directives inside `if`
// belong to the same program, behind a jump over them:
//
//	set $a $uri;              set     $a
//	if ($a ~ ^/x) {           if      $a ~ ^/x   else 4, location L
//	    rewrite ^ /y break;   rewrite
//	}                                            <- L holds what else stands in the block
//	return 403;               return  403
//
// The program of a server runs in the server_rewrite phase, that of a location
// in the rewrite phase. It allocates nothing: values come from the request's
// arena or the configuration.
//
// Other modules' set_* directives take their place in the program by Append.
//
// The package owns no state at run time. It knows the core only; everything
// runs on the request's worker.
package rewrite
