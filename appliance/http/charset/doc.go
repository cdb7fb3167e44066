// Package charset is nginx's charset filter: it names the charset of responses
// and, where source_charset differs and a charset_map joins the two, recodes
// their bodies between single-byte charsets, or between one of these and UTF-8.
//
// Tables belong to the configuration. The state of a response that is recoded
// belongs to its request; a link of the body is given back to its owner when
// its recoded copy has been sent, so that a slow client still slows the
// producer down.
package charset
