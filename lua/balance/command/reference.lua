-- SPDX-License-Identifier: MIT
--- A value of the accounts file that says where a secret is, so that it need not
-- stand there: `env:NAME`, `file:PATH` or `cmd:COMMAND`.
-- @module balance.command.reference

local core = require "balance.core"
local environment = require "balance.environment"
local is_readable_by_others =
  require("balance.credentials.context").is_readable_by_others
local output = require "balance.command.output"
local paths = require "balance.command.paths"
local shell = require "balance.command.shell"
local text = require "balance.text"

local _M = {}

local max_file = 65536 -- bytes

-- The first line; password managers print notes below it.
local function first_line(content)
  return text.non_empty(text.trim(content:match "^[^\n]*"))
end

--- Whether others than the owner and his group can change a file.
-- @tparam integer mode its permission bits
-- @treturn boolean
function _M.is_writable(mode)
  return math.floor(mode / 2) % 2 == 1
end

--- What is to be said of a file that others can read.
-- @tparam string path
-- @tparam integer mode
-- @treturn ?string nil where they cannot
function _M.warning(path, mode)
  return is_readable_by_others(mode)
    and ("%s can be read by others (mode %03o): chmod 600 it"):format(
      paths.shown(path), mode) or nil
end

--- What is wrong with a file, by what `core.read_file` returns.
_M.problems = {
  missing = "is not there", not_a_file = "is not a file",
  too_large = "is larger than 64 KiB", unreadable = "cannot be read",
  resource = "cannot be read: no file descriptor or memory is left",
}

local read = {}

function read.env(name)
  local value = environment.get(name)
  -- somebody may have written the key itself
  local shown = name:find "^[A-Z_][A-Z0-9_]*$" and name or "that it names"
  return value, ("the variable %s is not set, or empty"):format(shown)
end

function read.file(path)
  path = paths.expand(path)
  local content, mode = core.read_file(path, max_file)
  if not content then
    return nil, ("the file %s %s"):format(paths.shown(path), _M.problems[mode])
  end
  return first_line(content), ("the first line of %s is empty"):format(
    paths.shown(path)), _M.warning(path, mode)
end

-- A password manager may ask its user, so it runs once.
local answers = {}

function read.cmd(command)
  if answers[command] then
    return answers[command]
  end
  local content, status = shell.read(command)
  if not content then
    return nil, "the command could not be run: " .. tostring(status)
  elseif status ~= 0 then
    return nil, ("the command ended with status %d"):format(status)
  end
  answers[command] = first_line(content)
  return answers[command], "the command printed nothing"
end

-- The kind of a reference, and what is behind it.
local function parse(value)
  local kind, rest = value:match "^(%l+):(.*)$"
  if kind and read[kind] then
    return kind, rest
  end
end

--- Whether a text is a secret itself.
-- @tparam string value
-- @treturn boolean
function _M.is_literal(value)
  return parse(value) == nil
end

--- The secret that a text stands for.
-- @tparam string value
-- @treturn ?string the text itself where it is no reference
-- @treturn ?string where that is nil, why, without the secret in it
-- @treturn ?string a warning, of a file that others can read
function _M.resolve(value)
  local kind, rest = parse(value)
  if not kind then
    return value
  end
  local secret, problem, warning = read[kind](rest)
  return secret, not secret and problem or nil, warning
end

local is_told = {} -- warnings

--- The same; a warning is told, once.
-- @tparam string value
-- @treturn ?string
-- @treturn ?string
function _M.obtain(value)
  local secret, problem, warning = _M.resolve(value)
  if warning and not is_told[warning] then
    is_told[warning] = true
    output.say(warning)
  end
  return secret, problem
end

return _M
