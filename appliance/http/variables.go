package http

var coreVariables []Variable
