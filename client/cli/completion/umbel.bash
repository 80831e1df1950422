# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Completion of umbel for bash. Verbs and flags are those of its --help, so that
# they are those of the umbel that is there; topics, filters and sessions are
# what the broker knows, if it answers within a second.

# The broker's socket, if the command line names one.
_umbel_broker()
{
	local i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-s | --socket) printf '%s\n' "${COMP_WORDS[i + 1]}" ;;
		esac
	done
}

# _umbel_known LIST KEY [WITH]: the values of KEY in the lines of umbel ls LIST (with this in them)
_umbel_known()
{
	local socket
	socket=$(_umbel_broker)
	timeout 1 "${COMP_WORDS[0]}" ${socket:+-s "$socket"} ls "$1" --json 2>/dev/null </dev/null |
		grep -F -- "${3:-}" | sed -nE 's/.*"'"$2"'":"?([^"\\ ,}]+)[",}].*/\1/p' | grep -Ev '^([$]inbox|umbel[.]bench[.])'
}

_umbel_topics()
{
	_umbel_known topics topic
	_umbel_known subs filter
}

# Without wildcards.
_umbel_exact()
{
	_umbel_topics | grep -vF '*'
}

# The verbs, or with a verb its flags.
_umbel_verbs()
{
	"${COMP_WORDS[0]}" --help 2>/dev/null |
		sed -nE '/--help has/q; s/^  ([a-z]+) .*/\1/p'
}

_umbel_flags()
{
	"${COMP_WORDS[0]}" ${1:+"$1"} --help 2>/dev/null |
		sed -nE '/^(usage:|       umbel |  -[a-zA-Z], --|      --)/{
			s/^((  -[a-zA-Z], |      )--[a-z-]+( \[?[A-Z=]+\]?)?(, --[a-z-]+)?).*/\1/; p; }' |
		grep -oE -- '(^|[ (|[])--?[a-zA-Z][a-z-]*' | tr -d ' (|[' | sort -u
}

# The value of a flag; false: it takes none that we know of.
_umbel_value()
{
	local flag=$1 word=$2
	case $flag in
	-s | --socket | --file | --config | --datagram | --http)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
	--exec | --on-ready) mapfile -t COMPREPLY < <(compgen -c -- "$word") ;;
	--user | -u) mapfile -t COMPREPLY < <(compgen -u -- "$word") ;;
	--filter) mapfile -t COMPREPLY < <(compgen -W "$(_umbel_topics)" -- "$word") ;;
	--session) mapfile -t COMPREPLY < <(compgen -W "$(_umbel_known clients session)" -- "$word") ;;
	--group) mapfile -t COMPREPLY < <(compgen -W "$(_umbel_known subs group)" -- "$word") ;;
	--overflow) mapfile -t COMPREPLY < <(compgen -W "block drop-oldest disconnect" -- "$word") ;;
	--by) mapfile -t COMPREPLY < <(compgen -W "session process topic" -- "$word") ;;
	--sort)
		mapfile -t COMPREPLY < <(compgen -W "session user pid name in out queued dropped held subscribes command sessions \
			subscriptions topic receivers rate bytes from retained age" -- "$word") ;;
	--form) mapfile -t COMPREPLY < <(compgen -W "readable json raw" -- "$word") ;;
	--content-type) mapfile -t COMPREPLY < <(compgen -W "text json msgpack" -- "$word") ;;
	--size | --seconds | --subscribers | --publishers | --wait | --name | --count | --timeout | --interval | --replies | --header | --uid | --role | -c | -i | -H) ;;
	*) return 1 ;;
	esac
}

# What is no flag: _umbel_argument VERB PLACE WORD
_umbel_argument()
{
	local words=""
	case $1 in
	sub) words=$(_umbel_topics) ;;
	get) [ "$2" -eq 0 ] && words=$(_umbel_known topics topic retained_bytes) ;;
	pub | req | why) [ "$2" -eq 0 ] && words=$(_umbel_exact) ;;
	reply) [ "$2" -eq 0 ] && words=$(_umbel_topics) ;;
	match)
		case $2 in
		0) words=$(_umbel_topics) ;;
		1) words=$(_umbel_exact) ;;
		esac ;;
	help) [ "$2" -eq 0 ] && words=$(_umbel_verbs) ;;
	bench) words="pub latency fan-out requests" ;;
	ls) [ "$2" -eq 0 ] && words="clients subs topics broker" ;;
	acl)
		case $2 in
		0) words="test" ;;
		1) words="publish subscribe retain reply hold introspect" ;;
		2) words=$(_umbel_topics) ;;
		esac ;;
	run) mapfile -t COMPREPLY < <(compgen -c -- "$3") && return ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$3")
}

_umbel()
{
	local word=${COMP_WORDS[COMP_CWORD]} verb="" place=0 i
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-*) _umbel_value "${COMP_WORDS[i]}" "" && i=$((i + 1)) ;;
		*) if [ "$verb" ]; then place=$((place + 1)); else verb=${COMP_WORDS[i]}; fi ;;
		esac
		COMPREPLY=()
	done
	if ((i > COMP_CWORD)); then # behind a flag that takes something
		_umbel_value "${COMP_WORDS[COMP_CWORD - 1]}" "$word"
	elif [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_umbel_flags "$verb")" -- "$word")
	elif [ -z "$verb" ]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_umbel_verbs)" -- "$word")
	else
		_umbel_argument "$verb" "$place" "$word"
	fi
}

complete -F _umbel umbel
