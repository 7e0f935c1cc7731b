-- SPDX-License-Identifier: MIT
--- Makes certificates, good ones and bad ones.
local altname = require "openssl.x509.altname"
local bignum = require "openssl.bignum"
local extension = require "openssl.x509.extension"
local name = require "openssl.x509.name"
local pkey = require "openssl.pkey"
local x509 = require "openssl.x509"

local _M = {}

local day = 86400 -- seconds
local issued = 0

local function alternatives(names)
  local list = altname.new()
  for _, each in ipairs(names) do
    list:add(each[1], each[2])
  end
  return list
end

--- Makes a certificate; returns { certificate, key }. The fields, all of them
-- optional: `cn`; `names`, a list of { "DNS" or "IP", value }; `issuer`, as
-- this function returns it (without one it is self-signed); `ca`; `from` and
-- `to`, in days from now; `bits` of an RSA key (without: an elliptic curve's);
-- `digest`; `purpose`.
function _M.issue(fields)
  local key = fields.bits and pkey.new { type = "RSA", bits = fields.bits }
    or pkey.new { type = "EC", curve = "prime256v1" }
  local subject = name.new()
  subject:add("CN", fields.cn or "spec")
  local issuer = fields.issuer
  issued = issued + 1

  local certificate = x509.new()
  certificate:setVersion(3)
  certificate:setSerial(bignum.new(issued))
  certificate:setSubject(subject)
  certificate:setIssuer(
    issuer and issuer.certificate:getSubject() or subject)
  certificate:setPublicKey(key)
  certificate:setLifetime(os.time() + (fields.from or -1) * day,
    os.time() + (fields.to or 1) * day)
  certificate:setBasicConstraints { CA = fields.ca or false }
  certificate:setBasicConstraintsCritical(true)
  if fields.names then
    certificate:setSubjectAlt(alternatives(fields.names))
  end
  if fields.purpose then
    certificate:addExtension(
      extension.new("extendedKeyUsage", fields.purpose))
  end
  certificate:sign(issuer and issuer.key or key, fields.digest or "sha256")
  return { certificate = certificate, key = key }
end

return _M
