-- SPDX-License-Identifier: MIT
--- A user's home directory, for the specs of files with keys.
local process = require "support.process"

local _M = {}

--- Before each test: makes an empty one, whose path is `path`.
function _M.make()
  _M.path = os.tmpname()
  os.remove(_M.path)
  local output, status = process.run("umask 077; mkdir -p " .. _M.path
    .. "/.tencentcloud " .. _M.path .. "/.tccli")
  assert(status == 0, output)
end

--- After each test.
function _M.remove()
  process.run("rm -r " .. process.quote(_M.path))
end

--- The path of a file in it.
function _M.path_of(name)
  return _M.path .. "/" .. name
end

--- Writes a file in it, and returns its path.
function _M.write(name, text)
  process.write(_M.path_of(name), text)
  return _M.path_of(name)
end

--- Makes a FIFO in it, and returns its path.
function _M.fifo(name)
  local _, status = process.run("mkfifo " .. process.quote(_M.path_of(name)))
  assert(status == 0)
  return _M.path_of(name)
end

return _M
