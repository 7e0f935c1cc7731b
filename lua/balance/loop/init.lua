-- SPDX-License-Identifier: MIT
--- How a call waits: the one thing that differs between a script, nginx and
-- an event loop.
--
-- A loop is a table of functions:
--
-- - `wait(transfer)` returns true once `transfer:done()` is; nil, a kind of
--   failure, a message and a hint where it cannot wait.
-- - `sleep(seconds)`.
-- - `gather(functions)` calls them side by side, and returns when all have
--   returned. What one raises it raises.
-- - `spawn(body)`, where a loop has one, has the function called in the
--   background: it returns true, and the caller goes on; false, where it
--   cannot.
-- - `ready()`, where a loop has one, is called before each call. It returns
--   true; or nil, a kind, a message and a hint where the call must not begin.
--   It raises only a mistake in the program.
-- - `leave()`, where a loop has one, is called after each call.
--
-- The files of all loops are loaded here: by its first call, a process may
-- have no file descriptor left, or be in a chroot. A loop's `load()` loads the
-- library that it is for, and raises where that fails.
-- @module balance.loop

local core = require "balance.core"
local failure = require "balance.failure"
local spelling = require "balance.spelling"

local _M = {}

--- The loops that come with the module.
_M.names = {}
for _, name in ipairs { "blocking", "nginx", "cqueues", "luv" } do
  _M.names[name] = require("balance.loop." .. name)
end

--- The table `ngx`, inside nginx.
-- @treturn ?table nil elsewhere
function _M.nginx()
  local ngx = rawget(_G, "ngx")
  return type(ngx) == "table" and ngx.get_phase and ngx.timer and ngx or nil
end

local function is_cqueues()
  local cqueues = package.loaded.cqueues
  return cqueues and cqueues.running()
end

local is_loaded = {}

-- Nothing, or a kind, a message and a hint.
local function load(name)
  if is_loaded[name] then
    return nil
  end
  local ok, problem = pcall(_M.names[name].load)
  if ok then
    is_loaded[name] = true
    return nil
  end
  local lack, hint = core.scarcity()
  if lack then
    return "resource", lack, hint
  end
  return "config", ("the loop '%s' cannot be used here: %s"):format(name,
    problem:match "[^\n]*")
end

--- What is wrong with a client's setting `loop`.
-- @param wanted
-- @treturn ?string
function _M.mistake(wanted)
  if type(wanted) == "string" then
    if not _M.names[wanted] then
      return spelling.unknown("loop", wanted, _M.names)
    end
    local kind, message = load(wanted)
    return kind == "config" and message or nil -- a lack may be over by then
  elseif type(wanted) ~= "table" then
    return "a loop must be a name or a table, not a " .. type(wanted)
  end
  for _, name in ipairs { "wait", "sleep", "gather" } do
    if type(wanted[name]) ~= "function" then
      return ("a loop must have a function '%s'"):format(name)
    end
  end
  if wanted.spawn ~= nil and type(wanted.spawn) ~= "function" then
    return "a loop's 'spawn' must be a function"
  end
end

-- The mistake of a `wait` whose kind does not exist. The call is many levels
-- up, so that the line is that of the function itself.
local function raise_kind(wait, kind)
  local place = debug.getinfo(wait, "S")
  error(("%s:%d: the loop's 'wait' returned %s"):format(place.short_src,
    place.linedefined, kind == nil and "neither true nor a kind"
      or "an " .. spelling.unknown("kind", kind, failure.kinds)), 0)
end

--- A client's setting `loop`, as calls use it: of a loop of the caller's, each
-- kind that its `wait` returns is checked.
-- @tparam string|table wanted without a mistake
-- @treturn string|table
function _M.checked(wanted)
  if type(wanted) ~= "table" then
    return wanted
  end
  local function wait(transfer)
    local ok, kind, message, hint = wanted.wait(transfer)
    if not ok and failure.kinds[kind] == nil then
      raise_kind(wanted.wait, kind)
    end
    return ok, kind, message, hint
  end
  return setmetatable({ wait = wait }, { __index = wanted })
end

--- The loop that a call waits in.
-- @tparam ?string|table wanted the client's setting `loop`; nil: the loop that
-- the call is made in
-- @treturn ?table nil where it cannot be loaded; then a kind, a message and a
-- hint
function _M.choose(wanted)
  if type(wanted) == "table" then
    return wanted
  end
  local name = wanted or _M.nginx() and "nginx" or is_cqueues() and "cqueues"
    or "blocking"
  local kind, message, hint = load(name)
  if kind then
    return nil, kind, message, hint
  end
  return _M.names[name]
end

--- The loop for a call that begins.
-- @tparam ?string|table wanted as of `choose`
-- @treturn ?table nil where no call can be made; then the fields of a failure
function _M.enter(wanted)
  local loop, kind, message, hint = _M.choose(wanted)
  local ok = loop ~= nil
  if ok and loop.ready then
    ok, kind, message, hint = loop.ready()
  end
  if not ok then
    return nil, { kind = kind, message = message, hint = hint }
  end
  return loop
end

if _M.nginx() then
  load "nginx" -- where it fails, so does each call
end

return _M
