import { z } from '@hono/zod-openapi'
import type { SettingsEdit } from '../../db/account-changes.ts'
import { accountSettings, type AccountSettings } from '../../db/account-settings.ts'
import { email, line, time, username } from '../fields.ts'
import { pageQuery } from '../paging.ts'

type Fields = Readonly<Record<string, z.core.$ZodType>>

/** A setting as somebody has it: what stands in for it when it is not there has no place here. */
const settled = (schema: z.core.$ZodType): z.core.$ZodType =>
  schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault
    ? settled(schema.unwrap())
    : schema

const fieldsOf = (
  object: z.core.$ZodType,
  make: (field: z.core.$ZodType) => z.core.$ZodType,
): Fields =>
  Object.fromEntries(
    Object.entries((object as z.ZodObject<Fields>).shape).map(([name, field]) => [
      name,
      make(settled(field)),
    ]),
  )

const shownField = (field: z.core.$ZodType): z.core.$ZodType =>
  field instanceof z.ZodObject ? z.object(fieldsOf(field, shownField)) : field

const editedField = (field: z.core.$ZodType): z.core.$ZodType =>
  z.optional(field instanceof z.ZodObject ? z.strictObject(fieldsOf(field, editedField)) : field)

type Shape<Value> = { readonly [Name in keyof Value]-?: z.ZodType<Value[Name], Value[Name]> }

/** The settings, all of them and as they are; made of the schema by which they are stored. */
const shownSettings = fieldsOf(accountSettings, shownField) as unknown as Shape<AccountSettings>

/** The same as they are edited: whatever is left out stays as it is. */
const settingsEditFields = fieldsOf(accountSettings, editedField) as unknown as {
  readonly [Name in keyof SettingsEdit]-?: z.ZodOptional<
    z.ZodType<NonNullable<SettingsEdit[Name]> | Extract<SettingsEdit[Name], null>>
  >
}

const names = { id: z.string(), name: z.string(), type: z.string(), region: z.string() }
const times = { createdAt: time, updatedAt: time }

export const ownAccount = z.object({ ...names, ...shownSettings, ...times }).openapi('OwnAccount')

export const settingsEdit = z.strictObject(settingsEditFields).openapi('SettingsEdit')

export const account = z
  .object({ ...names, settings: z.object(shownSettings), ...times })
  .openapi('Account')

const edited = {
  name: line(100),
  type: line(100).optional(),
  region: line(100).optional(),
  settings: settingsEdit.optional(),
}

export const accountEdit = z
  .strictObject({ ...edited, name: edited.name.optional() })
  .openapi('AccountEdit')

export const newAccount = z
  .strictObject({
    ...edited,
    admin: z
      .strictObject({
        username,
        email,
        firstName: line(100).optional(),
        lastName: line(100).optional(),
      })
      .optional()
      .openapi({ description: 'Its first Account admin: without one nobody can come into it' }),
  })
  .openapi('NewAccount')

export const accountQuery = z.strictObject(pageQuery)
