-- SPDX-License-Identifier: MIT
--- `balance manual`: the manual page, made of the same definitions as the help.
-- @module balance.command.manual

local data = require "balance.command.data"
local parsers = require "balance.command.parser"
local status = require("balance.command.stop").status
local version = require "balance.version"

local _M = {}

-- A text in roff: a backslash, a hyphen that a reader may copy, and a point or a
-- quote at the start of a line are its own.
local function escape(text)
  return (text:gsub("\\", "\\e"):gsub("%-", "\\-"):gsub("^([.'])", "\\&%1"))
end

local function add(lines, text, ...)
  lines[#lines + 1] = text:format(...)
end

-- The names of an option with its argument: "-w RANGE, --warning RANGE".
local function label_of(element)
  return escape(table.concat(element:_get_label_lines(), " "))
end

local function add_elements(lines, elements)
  for _, element in ipairs(elements) do
    add(lines, ".TP\n.B %s\n%s", label_of(element),
      escape(element:_get_description()))
  end
end

local function add_command(lines, command, definition)
  add(lines, ".SS %s", escape(command._name))
  add(lines, "%s", escape((command._description)))
  add_elements(lines, command._arguments)
  add_elements(lines, command._options)
  add(lines, ".PP\nExample:\n.PP\n.RS 4\n.nf\n%s\n.fi\n.RE",
    escape(definition.example))
end

local files = [[
.SH FILES
.TP
.B ~/.config/balance/accounts.json
Accounts, as JSON. An account has a provider, where its name is not the
provider's, and maybe keys, thresholds and options of a call. A key is
env:NAME, file:PATH, cmd:COMMAND, or the key itself; then no other user may be
able to read the file. Amounts are credits, or in the account's
currency.
.PP
.RS 4
.nf
{
  "accounts": {
    "studio": { "provider": "udio", "api_key": "env:STUDIO_KEY",
                "min": 50, "min_days": 3 },
    "cloud": { "provider": "tencent", "profile": "prod", "min": 100 }
  },
  "notify": [ { "service": "slack", "url": "file:~/.slack\-url" } ]
}
.fi
.RE
.TP
.B ~/.local/state/balance/state.sqlite
What was left, for 90 days.
]]

local rest = [[
.SH EXIT STATUS
.TP
.B 0
fine
.TP
.B 1
below a threshold
.TP
.B 2
not known: a failure
.TP
.B 64
a mistake in the arguments or the accounts file
.TP
.B 130
interrupted
.PP
nagios has the plugins' own: 0, 1 (warning), 2 (critical), 3 (unknown).
.SH ENVIRONMENT
The keys are in the variables that
.B balance providers
lists. Beside them:
.TP
.B BALANCE_ACCOUNTS, BALANCE_STATE
The two files. BALANCE_STATE=none remembers nothing.
.TP
.B XDG_CONFIG_HOME, XDG_STATE_HOME
In place of ~/.config and ~/.local/state.
.TP
.B NO_COLOR
No colours.
.TP
.B SSL_CERT_FILE, SSL_CERT_DIR, https_proxy, no_proxy
Whom to trust, and the way to the services.
]]

--- Writes the page.
-- @treturn string roff
function _M.write()
  local parser, definitions = parsers.new(function() end)
  local lines = {}
  add(lines, '.TH BALANCE 1 "" "balance %s" ""', version)
  add(lines, ".SH NAME\nbalance \\- %s",
    "what is left on TemPolor, Udio and Tencent Cloud accounts")
  add(lines, ".SH SYNOPSIS\n.B balance\n[COMMAND] [ARGUMENTS]")
  add(lines, ".SH DESCRIPTION\nWithout a command it is get. A key is never an"
    .. " argument, since other users can see those: it comes from the"
    .. " environment, from the files of Tencent's own tools, or from where the"
    .. " accounts file says.")
  add(lines, ".SH COMMANDS")
  for _, command in ipairs(parser._commands) do
    add_command(lines, command, definitions[command._name])
  end
  return table.concat(lines, "\n") .. "\n" .. files .. rest
end

--- Runs it.
-- @treturn integer the exit status
function _M.run()
  data.write(_M.write())
  return status.fine
end

return _M
