/* Errors as values: a code, the system's errno, and a text for the user. */
#include <amorsize/error.h>

#include <stdio.h>
#include <string.h>

int amz_error_set(struct amz_error *err, int code, const char *format, ...)
{
  va_list ap;

  if (!err)
    return code;
  err->code = code;
  err->sys_errno = 0;
  va_start(ap, format);
  (void)vsnprintf(err->text, sizeof err->text, format, ap);
  va_end(ap);
  return code;
}

int amz_error_sys(struct amz_error *err, int code, int sys_errno, const char *format, ...)
{
  va_list ap;
  size_t used;

  if (!err)
    return code;
  err->code = code;
  err->sys_errno = sys_errno;
  va_start(ap, format);
  (void)vsnprintf(err->text, sizeof err->text, format, ap);
  va_end(ap);
  used = strlen(err->text);
  (void)snprintf(err->text + used, sizeof err->text - used, ": %s", strerror(sys_errno));
  return code;
}

const char *amz_err_name(int code)
{
  switch (code) {
  case AMZ_OK: return "success";
  case AMZ_ENOMEM: return "out of memory";
  case AMZ_EINVAL: return "invalid input";
  case AMZ_ERANGE: return "out of range";
  case AMZ_ENOENT: return "not found";
  case AMZ_EIO: return "input/output error";
  case AMZ_ECORRUPT: return "damaged data";
  case AMZ_EBUSY: return "in use";
  case AMZ_ECLOSED: return "closed by the other side";
  case AMZ_EENV: return "unsuitable environment";
  default: return "unknown error";
  }
}
