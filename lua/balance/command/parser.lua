-- SPDX-License-Identifier: MIT
--- The subcommands, their arguments and their help: what is parsed, shown by
-- --help, completed by shells and printed by the manual page. It loads argparse
-- alone, for `--help` is to be quick.
-- @module balance.command.parser

local argparse = require "argparse"

local _M = {}

-- A converter: a plain decimal number from `least` to `most`.
local function number(least, most, what)
  return function(written)
    local value = written:find "^%-?%d+%.?%d*$"
      and require("balance.answer").number(written)
    if not value or value < least or value > most then
      return nil, ("'%s' should be %s"):format(
        written:sub(1, 32):gsub("[^\32-\126]", "?"), what)
    end
    return value
  end
end

-- An option with a number of seconds.
local function seconds(command, names, words, least, most)
  command:option(names, words):argname "SECONDS":convert(number(least, most,
    ("from %s to %d seconds"):format(least, most)))
end

local function accounts(command)
  command:argument("NAME", "accounts of the accounts file, or providers (all"
    .. " that have keys)"):args "*":target "names"
end

local function files(command)
  command:option("--accounts", "the accounts file ($BALANCE_ACCOUNTS, else"
    .. " ~/.config/balance/accounts.json)"):argname "FILE"
  command:option("--state", "where what was left is kept, or none"
    .. " ($BALANCE_STATE, else ~/.local/state/balance/state.sqlite)")
    :argname "FILE"
end

local function timeout(command)
  seconds(command, "--timeout", "for each account (10)", 0.001, 86400)
end

local function max_age(command)
  seconds(command, "--max-age",
    "what is known and not older is not asked again", 0, 86400)
end

-- What all commands have that ask services.
local function asking(command)
  files(command)
  timeout(command)
  max_age(command)
end

local function key_on_stdin(command)
  command:flag("--api-key-stdin", "read the key of the one NAME from standard"
    .. " input, and remember nothing"):target "api_key_stdin"
end

local function colour(command)
  command:option("--color", "auto, always or never (auto)")
    :argname "WHEN":choices { "auto", "always", "never" }
end

local function json_or(command, flag, words)
  command:mutex(
    command:flag("--json", "a versioned document, for programs"),
    command:flag(flag, words))
end

local plain = "tab-separated lines without a head, for scripts"

-- The subcommands, in the order of the help.
local commands = {}

-- Adds one: `words` say what it does, `define` adds its arguments to argparse's
-- command.
local function add(name, words, example, define)
  commands[#commands + 1] = { name = name, words = words, example = example,
    define = define }
end

add("get", "what is left on all accounts, as a table",
  "balance get udio tencent",
  function(command)
    accounts(command)
    asking(command)
    key_on_stdin(command)
    json_or(command, "--plain", plain)
    colour(command)
  end)

add("check", "compare with thresholds: an exit status for scripts",
  "balance check udio --min 50 || echo 'buy credits'",
  function(command)
    accounts(command)
    command:option("--min", "there should be N left at least, as the table"
      .. " shows it (what the accounts file has)"):argname "N"
      :convert(number(-math.huge, math.huge, "a number, such as 50"))
    command:option("--min-days", "it should last for D days at least (what"
      .. " the accounts file has)"):argname "D"
      :convert(number(0, 1e6, "a number of days"))
    command:flag("--fail-open", "what is not known counts as fine")
    command:flag("-v --verbose", "say what is fine, too")
    asking(command)
    key_on_stdin(command)
    command:flag("--json", "a versioned document, for programs")
  end)

add("watch", "ask every few minutes, and tell of alarms",
  "balance watch --exec 'mail -s balance me@example.com'",
  function(command)
    accounts(command)
    seconds(command, "--every",
      "from one round to the next, 60 to 86400 (300)", 60, 86400)
    command:option("--notify", "a webhook for alarms: its address, or"
      .. " env:NAME, file:PATH, cmd:COMMAND; repeatable")
      :argname "URL":count "*"
    command:option("--exec", "a command for each alarm, which gets it as JSON"
      .. " on standard input; rounds wait for it"):argname "CMD"
    files(command)
    timeout(command)
    command:flag("--json", "a document of one line for each round")
    colour(command)
  end)

add("history", "what was left over time, without asking",
  "balance history udio --days 30",
  function(command)
    accounts(command)
    command:option("--days", "how far back, 1 to 90 (7)"):argname "N"
      :convert(number(1, 90, "from 1 to 90 days"))
    files(command)
    json_or(command, "--csv", "all samples, as comma-separated values")
  end)

add("doctor", "look for what is wrong, and say what to do",
  "balance doctor tencent",
  function(command)
    accounts(command)
    command:flag("--offline", "ask no service")
    command:option("--nginx", "look at a configuration, too; - is standard"
      .. " input, for `nginx -T`"):argname "CONF"
    files(command)
    timeout(command)
    command:flag("--json",
      "a report for an issue: no key, no account number")
    colour(command)
  end)

add("prometheus", "metrics, for a textfile collector",
  "balance prometheus --textfile /var/lib/node_exporter/balance.prom",
  function(command)
    accounts(command)
    command:option("--textfile", "a file in place of standard output, for"
      .. " node_exporter; who reads it sees a whole one"):argname "FILE"
    asking(command)
  end)

add("nagios", "a monitoring plugin, also check_balance",
  "check_balance --account udio -w 100: -c 20:",
  function(command)
    command:option("--account", "which one; repeatable (all)")
      :argname "NAME":count "*":target "names"
    command:option("-w --warning", "a warning outside of it: 100: is below"
      .. " 100"):argname "RANGE"
    command:option("-c --critical", "critical outside of it"):argname "RANGE"
    command:option("--failure-state", "what a failure is: critical or unknown"
      .. " (unknown)"):argname "STATE":choices { "critical", "unknown" }
    files(command)
    seconds(command, "-t --timeout", "for all of it (9)", 1, 86400)
    max_age(command)
    command:flag("-v --verbose", "as plugins have it; it changes nothing")
  end)

add("page", "an HTML page with the last seven days",
  "balance page --output balance.html",
  function(command)
    accounts(command)
    command:option("-o --output", "the file; - is standard output")
      :argname "FILE":count(1)
    asking(command)
  end)

add("providers", "their names, variables, units and endpoints",
  "balance providers",
  function(command)
    json_or(command, "--plain", plain)
  end)

add("sign", "the headers of any Tencent Cloud call, for curl",
  "balance sign --service cvm --host cvm.intl.tencentcloudapi.com \\\n"
    .. "      --action DescribeRegions --version 2017-03-12 \\\n"
    .. "      --format curl | curl -K -",
  function(command)
    local function option(name, words, argname)
      return command:option(name, words):argname(argname)
    end
    option("--service", "such as cvm", "NAME"):count(1)
    option("--host", "the host that is asked", "HOST"):count(1)
    option("--action", "such as DescribeRegions", "ACTION"):count(1)
    option("--version", "of the API, such as 2017-03-12", "DATE"):count(1)
    option("--region", "such as ap-singapore", "REGION")
    option("--data", "the body ({}); @FILE is a file's content, @- standard"
      .. " input", "BODY")
    option("--account", "whose keys: an account of the accounts file"
      .. " (tencent)", "NAME")
    option("--accounts", "the accounts file", "FILE")
    option("--format", "headers, curl (a configuration for curl -K -) or"
      .. " json (headers)", "FORMAT")
      :choices { "headers", "curl", "json" }:default "headers"
      :show_default(false)
  end)

add("completion", "a completion script for a shell",
  "balance completion bash"
    .. " >~/.local/share/bash-completion/completions/balance",
  function(command)
    command:argument("SHELL", "bash, zsh or fish"):target "shell"
      :choices { "bash", "zsh", "fish" }
  end)

add("manual", "this manual page, balance.1", "balance manual | man -l -",
  function() end)

-- Below the help of `balance` itself.
local epilog = [[
Without a command it is `get`. `balance COMMAND --help` has examples.
Exit status: 0 fine, 1 below a threshold, 2 not known, 64 usage.]]

-- Defines a subcommand.
local function define(parser, one, print_it)
  local command = parser:command(one.name):summary(one.words)
    :description((one.words:gsub("^%l", string.upper)) .. ".")
    :epilog("Example:\n   " .. one.example):add_help(false)
  command:help_max_width(79):help_description_margin(27)
  one.define(command)
  command:flag("-h --help", "show this, and exit")
    :action(function() print_it(command:get_help()) end)
end

--- Makes the parser.
-- @tparam function print_it gets a text that an option asks for: --help,
-- --version; it must not return
-- @tparam ?string name of the only subcommand that is needed, where there is one
-- of this name: to define all takes longer than to parse
-- @treturn table of argparse, whose result has `command`
-- @treturn table its commands by name, each with `name`, `words`, `example`
function _M.new(print_it, name)
  local parser = argparse("balance",
    "What is left on your TemPolor, Udio and Tencent Cloud accounts.", epilog)
  parser:usage "Usage: balance [COMMAND] [ARGUMENTS]"
  parser:command_target "command":require_command(false)
  parser:help_max_width(79):add_help(false)
  parser:flag("-h --help", "show this, and exit")
    :action(function() print_it(parser:get_help()) end)
  parser:flag("-V --version", "show the version, and exit")
    :action(function() print_it("balance " .. require "balance.version") end)
  local by_name = {}
  for _, one in ipairs(commands) do
    by_name[one.name] = one
  end
  for _, one in ipairs(by_name[name] and { by_name[name] } or commands) do
    define(parser, one, print_it)
  end
  return parser, by_name
end

return _M
