-- SPDX-License-Identifier: MIT
--- What a system trusts, and the sandbox's CA: a copy of the bundle, and of the
-- hashed directory, as a whole process loads them.
local measure = require "bench.measure"
local process = require "support.process"

local _M = {}

local system = "/etc/ssl/certs"

--- The directory; the bundle is a file in it.
_M.directory = "build/bench/trust"
_M.bundle = _M.directory .. "/ca-certificates.crt"

--- Makes the copy. Returns false where Debian's files are not there.
function _M.make()
  if not measure.works("ls " .. system .. "/ca-certificates.crt") then
    return false
  end
  assert(measure.works(([[
    rm -rf %s && cp -rL %s %s && cd %s &&
    cat "$SSL_CERT_FILE" >>ca-certificates.crt &&
    cp "$SSL_CERT_FILE" sandbox.pem &&
    ln -s sandbox.pem "$(openssl x509 -noout -hash -in sandbox.pem).0"
  ]]):format(_M.directory, system, _M.directory, _M.directory)))
  return true
end

--- Removes it.
function _M.remove()
  process.run("rm -rf " .. _M.directory)
end

return _M
