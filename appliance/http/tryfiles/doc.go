// Package tryfiles is try_files: before the content is made, it looks for files
// in turn, goes on with the first that exists as the path of the request, and
// else redirects to the last parameter or answers with its code.
//
// Names are put behind root or alias as nginx puts them. It keeps nothing
// between requests; its files are tested through the core's open file cache.
package tryfiles
