-- SPDX-License-Identifier: MIT
--- The command `balance`. Each subcommand is a module below this one, loaded when
-- it is asked for: `run(arguments)` returns the exit status.
-- @module balance.command

local data = require "balance.command.data"
local stop = require "balance.command.stop"

local _M = {}

local statuses = stop.status
local of_nagios = 3 -- its UNKNOWN, for whatever goes wrong

-- Without a command it is `get`.
local function complete(arguments)
  local first = arguments[1]
  if first and (first:sub(1, 1) ~= "-" or first == "-h" or first == "--help"
    or first == "-V" or first == "--version") then
    return arguments
  end
  local completed = { "get" }
  for i, argument in ipairs(arguments) do
    completed[i + 1] = argument
  end
  return completed
end

local function is_interrupt(problem)
  return type(problem) == "string" and problem:find "interrupted!$" ~= nil
end

local shown = {}

-- A text that was asked for ends the parsing.
local function show(text)
  error(setmetatable({ text = text }, shown), 0)
end

local function load_parser()
  local ok, problem = pcall(require, "argparse")
  if not ok and is_interrupt(problem) then
    error(problem, 0)
  elseif not ok then
    stop.with("usage", "the command needs argparse, which cannot be loaded: "
      .. tostring(problem):match("[^\n]*"):gsub("^%S+%.lua:%d+: ", ""),
      "install lua-argparse (Debian), or argparse (LuaRocks)")
  end
  return require "balance.command.parser"
end

-- What `get` is given where there are names alone. There is nothing to parse, and
-- to load what parses would take a tenth of the time.
local function parse_names(arguments)
  local names = {}
  for i = 2, #arguments do
    if arguments[i]:sub(1, 1) == "-" then
      return nil
    end
    names[i - 1] = arguments[i]
  end
  return arguments[1] == "get" and { command = "get", names = names } or nil
end

local function parse(arguments)
  local parser, commands = load_parser().new(show, arguments[1])
  function parser.error(_, message)
    local command = arguments[1]
    stop.with("usage", message, commands[command]
      and ("see `balance %s --help`"):format(command)
      or "see `balance --help`; `balance get NAME` asks one account")
  end
  return parser:parse(arguments)
end

-- argparse looks for what was probably meant, which takes long for a long word.
local max_word = 200 -- bytes

local function check_lengths(arguments)
  for i, argument in ipairs(arguments) do
    local word = (i == 1 or argument:sub(1, 1) == "-")
      and argument:match "^[^=]*" or ""
    if #word > max_word then
      stop.with("usage", "unknown command or option, which is too long",
        "see `balance --help`")
    end
  end
end

-- Where standard streams are closed, the next files to be opened would take their
-- places, and the output would go into a connection.
local function hold_streams()
  local held = {}
  for i = 1, 3 do
    held[i] = io.open "/dev/null"
  end
  return held
end

local function run(arguments)
  check_lengths(arguments)
  local completed = complete(arguments)
  local parsed = parse_names(completed) or parse(completed)
  return require("balance.command." .. parsed.command).run(parsed)
end

-- A message with what others wrote may have any byte.
local function say(text)
  io.stderr:write(("balance: %s\n"):format(
    (text:gsub("[%z\1-\31\127]", " "))))
end

local function explain(problem)
  if stop.is_one(problem) then
    say(problem.message)
    if problem.remedy then
      say(problem.remedy)
    end
    return problem.status
  elseif is_interrupt(problem) then
    return statuses.interrupted
  end
  say(tostring(problem):match "[^\n]*")
  return statuses.unknown
end

-- A plugin has one line, on standard output.
local function explain_to_nagios(problem)
  local message = stop.is_one(problem) and problem.message
    or tostring(problem):match "[^\n]*"
  io.write("BALANCE UNKNOWN - ", (message:gsub("[%z\1-\31\127|]", " ")), "\n")
  return of_nagios
end

--- Runs the command.
-- @tparam {string,...} arguments without the command's own name
-- @treturn integer the exit status
function _M.run(arguments)
  _M.held = hold_streams()
  local is_nagios = arguments[1] == "nagios"
  local ok, status = pcall(run, arguments)
  local state = package.loaded["balance.command.state"]
  if state then
    state.close()
  end
  if ok then
    return status
  elseif getmetatable(status) == shown then
    ok, status = pcall(data.write, status.text .. "\n")
    if ok then
      return is_nagios and of_nagios or statuses.fine
    end
  end
  return (is_nagios and explain_to_nagios or explain)(status)
end

--- Runs the command, and ends the process with its exit status.
-- @tparam {string,...} arguments
function _M.main(arguments)
  local jit = rawget(_G, "jit")
  if jit then
    jit.off() -- what it compiles does not look for Ctrl-C, nor runs for long
  end
  os.exit(_M.run(arguments), true)
end

return _M
